package mesh.interop;

import java.util.List;

/** What every server of the interop tests offers, in whatever language and protocol. */
public interface EchoService {
    /** Answers with its argument. */
    String echo(String text);

    /** Answers with its argument after so many milliseconds. */
    String delay(String text, int millis);

    /** Fails with the message. */
    String fail(String message) throws Refused;

    /** Takes a token; called one-way. */
    void note(String token);

    /** The tokens taken by {@link #note} so far. */
    List<String> notes();

    /** What the call carried beside its arguments under this key, or "". */
    String context(String key);

    /** The name that the server was started with. */
    String who();
}
