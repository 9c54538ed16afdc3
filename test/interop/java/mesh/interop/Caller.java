package mesh.interop;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * Makes the calls that standard input asks for. A line is ID TAB OPERATION TAB ARGUMENT…; the answer is a line of JSON with
 * the id and either "value" or "error", and how long the call took. Lines are answered as calls end, in any order.
 * The program ends with its input.
 */
final class Caller {
    private final EchoService service;
    private final EchoService hasty;
    private final Context context;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    /** Sets or, with null, removes what the calling thread's calls carry beside their arguments. */
    interface Context {
        void set(String key, String value);
    }

    /** `hasty` is the same service, called with a short timeout. */
    Caller(EchoService service, EchoService hasty, Context context) {
        this.service = service;
        this.hasty = hasty;
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
        } catch (Throwable error) {
            result = "\"error\":" + Json.quote(error.getClass().getName() + ": " + error.getMessage());
        }
        double ms = (System.nanoTime() - startedAt) / 1e6;
        Json.print("{\"id\":" + Json.quote(words[0]) + "," + result + ",\"ms\":" + Math.round(ms) + "}");
    }

    private Object call(String[] words) throws Exception {
        switch (words[1]) {
            case "echo":
                return service.echo(words[2]);
            case "big":
                return echoBig(Integer.parseInt(words[2]));
            case "delay":
                return service.delay(words[2], Integer.parseInt(words[3]));
            case "hastyDelay":
                return hasty.delay(words[2], Integer.parseInt(words[3]));
            case "fail":
                return service.fail(words[2]);
            case "note":
                service.note(words[2]);
                return "sent";
            case "notes":
                return String.join(",", service.notes());
            case "who":
                return service.who();
            case "whoWith":
                return carrying(words[2], words[3], service::who);
            case "contextWith":
                return carrying(words[2], words[3], () -> service.context(words[2]));
            case "many":
                return many(words[2], Integer.parseInt(words[3]), Integer.parseInt(words[4]));
            default:
                throw new IllegalArgumentException("no operation " + words[1]);
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
    private int echoBig(int length) {
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
    private int many(String prefix, int calls, int width) throws Exception {
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

    /** Says that a server is up and keeps it so until its input ends. */
    static void serveUntilInputEnds(int port) throws IOException {
        Json.print("{\"ready\":true,\"port\":" + port + "}");
        while (System.in.read() >= 0) {
            // Nothing is expected.
        }
        System.exit(0);
    }
}
