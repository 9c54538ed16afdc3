package mesh.interop;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;

/** The service itself; only the look at a call's context differs from library to library. */
public class EchoServiceImpl implements EchoService {
    private final String name;
    private final Function<String, Object> contextOf;
    private final List<String> notes = new CopyOnWriteArrayList<>();

    public EchoServiceImpl(String name, Function<String, Object> contextOf) {
        this.name = name;
        this.contextOf = contextOf;
    }

    @Override
    public String echo(String text) {
        return text;
    }

    @Override
    public String delay(String text, int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return text;
    }

    @Override
    public String fail(String message) throws Refused {
        throw new Refused(message);
    }

    @Override
    public void note(String token) {
        notes.add(token);
    }

    @Override
    public List<String> notes() {
        return new ArrayList<>(notes);
    }

    @Override
    public String context(String key) {
        Object value = contextOf.apply(key);
        return value == null ? "" : value.toString();
    }

    @Override
    public String who() {
        return name;
    }
}
