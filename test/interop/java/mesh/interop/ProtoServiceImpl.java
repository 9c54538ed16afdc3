package mesh.interop;

import com.google.protobuf.StringValue;

/** Hands every call to the service itself. */
public class ProtoServiceImpl implements ProtoService {
    private final EchoService service;

    public ProtoServiceImpl(EchoService service) {
        this.service = service;
    }

    @Override
    public StringValue echo(StringValue text) {
        return StringValue.of(service.echo(text.getValue()));
    }

    @Override
    public StringValue delay(StringValue millisAndText) {
        String[] words = millisAndText.getValue().split(" ", 2);
        return StringValue.of(service.delay(words[1], Integer.parseInt(words[0])));
    }

    @Override
    public StringValue fail(StringValue message) throws Refused {
        return StringValue.of(service.fail(message.getValue()));
    }

    @Override
    public void note(StringValue token) {
        service.note(token.getValue());
    }

    @Override
    public StringValue notes(StringValue nothing) {
        return StringValue.of(" " + String.join(",", service.notes()));
    }

    @Override
    public StringValue context(StringValue key) {
        return StringValue.of(service.context(key.getValue()));
    }

    @Override
    public StringValue who(StringValue nothing) {
        return StringValue.of(service.who());
    }
}
