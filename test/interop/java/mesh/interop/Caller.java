package mesh.interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.reflect.UndeclaredThrowableException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/**
 * Makes the calls that standard input asks for. A line is ID TAB HOST:PORT[/STYLE] TAB OPERATION TAB ARGUMENT…; the answer is
 * a line of JSON with the id and either "value" or "error", and how long the call took. Lines are answered as calls end, in
 * any order. The program ends with its input.
 */
final class Caller {
    private final Opener opener;
    private final Context context;
    private final Map<String, Target> targets = new ConcurrentHashMap<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    /** What a library makes of an address and one of its ways to call (synchronous when empty). */
    interface Opener {
        Target open(String address, String style) throws Exception;
    }

    /** The service at an address: `hasty` calls it with a short timeout, `streams` where the library has such calls. */
    record Target(EchoService service, EchoService hasty, Streams streams) {
    }

    /** Calls that are more than one message each way; each answers with the messages that came, joined by commas. */
    interface Streams {
        Object call(String operation, String first, String second) throws Exception;
    }

    /** What the calling thread's calls carry beside their arguments. */
    interface Context {
        /** Sets or, with null, removes it. */
        void set(String key, String value);

        /** What the last answer brought. */
        String answered(String key);
    }

    Caller(Opener opener, Context context) {
        this.opener = opener;
        this.context = context;
    }

    void serveInput() throws IOException {
        Json.print("{\"ready\":true}");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            String[] words = line.split("\t", -1);
            threads.execute(() -> answer(words));
        }
        System.exit(0);
    }

    private void answer(String[] words) {
        long startedAt = System.nanoTime();
        String result;
        try {
            result = "\"value\":" + Json.quote(String.valueOf(call(words)));
        } catch (Throwable thrown) {
            // A checked exception that the service's interface does not know comes wrapped by the proxy.
            Throwable error = thrown instanceof UndeclaredThrowableException ? thrown.getCause() : thrown;
            result = "\"error\":" + Json.quote(error.getClass().getName() + ": " + error.getMessage());
        }
        double ms = (System.nanoTime() - startedAt) / 1e6;
        Json.print("{\"id\":" + Json.quote(words[0]) + "," + result + ",\"ms\":" + Math.round(ms) + "}");
    }

    private Target target(String name) throws Exception {
        // Not inside the map's own lock: a reference may take long, and others are wanted meanwhile.
        synchronized (name.intern()) {
            Target known = targets.get(name);
            if (known == null) {
                int slash = name.indexOf('/');
                String address = slash < 0 ? name : name.substring(0, slash);
                known = opener.open(address, slash < 0 ? "" : name.substring(slash + 1));
                targets.put(name, known);
            }
            return known;
        }
    }

    private Object call(String[] line) throws Exception {
        Target target = target(line[1]);
        EchoService service = target.service();
        String operation = line[2];
        String first = line.length > 3 ? line[3] : "";
        String second = line.length > 4 ? line[4] : "";
        switch (operation) {
            case "open":
                return "opened";
            case "echo":
                return service.echo(first);
            case "big":
                return echoBig(service, Integer.parseInt(first));
            case "delay":
                return service.delay(first, Integer.parseInt(second));
            case "hastyDelay":
                return target.hasty().delay(first, Integer.parseInt(second));
            case "fail":
                return service.fail(first);
            case "note":
                service.note(first);
                return "sent";
            case "notes":
                return String.join(",", service.notes());
            case "who":
                return service.who();
            case "whoWith":
                return carrying(first, second, service::who);
            case "contextWith":
                return carrying(first, second, () -> service.context(first));
            case "answerWith":
                return carrying(first, second, () -> {
                    service.context(first);
                    return context.answered("answered-" + first);
                });
            case "many":
                return many(service, first, Integer.parseInt(second), Integer.parseInt(line[5]));
            case "flow":
                return flow(service, first, Integer.parseInt(second), Integer.parseInt(line[5]));
            default:
                if (target.streams() == null) {
                    throw new IllegalArgumentException("no operation " + operation);
                }
                return target.streams().call(operation, first, second);
        }
    }

    private String carrying(String key, String value, Supplier<String> call) {
        context.set(key, value);
        try {
            return call.get();
        } finally {
            context.set(key, null);
        }
    }

    /** Sends and receives a text of so many characters; answers with its length if it came back unharmed. */
    private static int echoBig(EchoService service, int length) {
        StringBuilder text = new StringBuilder(length);
        for (int i = 0; text.length() < length; i++) {
            text.append(i).append(' ');
        }
        text.setLength(length);
        String back = service.echo(text.toString());
        if (!back.contentEquals(text)) {
            throw new IllegalStateException("the text came back changed");
        }
        return back.length();
    }

    /** Makes `calls` calls, `width` at a time, each with a token of its own; answers with how many got their own back. */
    private static int many(EchoService service, String prefix, int calls, int width) throws Exception {
        AtomicInteger next = new AtomicInteger();
        AtomicInteger right = new AtomicInteger();
        ExecutorService pool = Executors.newFixedThreadPool(width);
        for (int i = 0; i < width; i++) {
            pool.execute(() -> {
                for (int n; (n = next.getAndIncrement()) < calls; ) {
                    String token = prefix + "-" + n;
                    if (token.equals(service.echo(token))) {
                        right.incrementAndGet();
                    }
                }
            });
        }
        pool.shutdown();
        pool.awaitTermination(60, TimeUnit.SECONDS);
        return right.get();
    }

    /**
     * Calls for so many milliseconds, `width` at a time; answers with how many calls got their own token back, how many
     * another's, how many failed and what the last of those said.
     */
    private static String flow(EchoService service, String prefix, int millis, int width) throws Exception {
        AtomicInteger right = new AtomicInteger();
        AtomicInteger crossed = new AtomicInteger();
        AtomicInteger failed = new AtomicInteger();
        AtomicReference<String> error = new AtomicReference<>("");
        long end = System.nanoTime() + millis * 1_000_000L;
        ExecutorService pool = Executors.newFixedThreadPool(width);
        for (int i = 0; i < width; i++) {
            String lane = prefix + "-" + i + "-";
            pool.execute(() -> {
                for (int n = 0; System.nanoTime() < end; n++) {
                    String token = lane + n;
                    try {
                        Thread.sleep(2);
                        (token.equals(service.echo(token)) ? right : crossed).incrementAndGet();
                    } catch (Throwable thrown) {
                        failed.incrementAndGet();
                        error.set(String.valueOf(thrown));
                    }
                }
            });
        }
        pool.shutdown();
        pool.awaitTermination(millis + 30_000L, TimeUnit.MILLISECONDS);
        return right + "," + crossed + "," + failed + "," + error;
    }

    /** Says that a server is up and keeps it so until its input ends. */
    static void serveUntilInputEnds(int port) throws IOException {
        Json.print("{\"ready\":true,\"port\":" + port + "}");
        while (System.in.read() >= 0) {
            // Nothing is expected.
        }
        System.exit(0);
    }
}
