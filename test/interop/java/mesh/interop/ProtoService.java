package mesh.interop;

import com.google.protobuf.StringValue;

/** {@link EchoService} for calls whose one argument and answer are protobuf messages. */
public interface ProtoService {
    StringValue echo(StringValue text);

    /** The text behind a number of milliseconds and a space. */
    StringValue delay(StringValue millisAndText);

    StringValue fail(StringValue message) throws Refused;

    void note(StringValue token);

    /** A space, for no message may be empty, and the tokens, joined by commas. */
    StringValue notes(StringValue nothing);

    StringValue context(StringValue key);

    StringValue who(StringValue nothing);
}
