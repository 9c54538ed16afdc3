package mesh.interop;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.common.stream.StreamObserver;
import org.apache.dubbo.config.ReferenceConfig;

/** Triple's calls of many messages: the server's, the client's, and both, where each one waits for the echo of the last. */
final class TripleStreams implements Caller.Streams {
    private final StreamService service;
    private final int patienceMs;

    private TripleStreams(StreamService service, int patienceMs) {
        this.service = service;
        this.patienceMs = patienceMs;
    }

    static Caller.Streams open(String url, int patienceMs) {
        ReferenceConfig<StreamService> reference = new ReferenceConfig<>();
        DubboConsumer.complete(reference, url, "1.0.0", patienceMs);
        reference.setInterface(StreamService.class.getName());
        return new TripleStreams(reference.get(), patienceMs);
    }

    @Override
    public Object call(String operation, String first, String second) throws Exception {
        Taken taken = new Taken();
        switch (operation) {
            case "repeat":
                service.repeat(first + " " + second, taken);
                return taken.all();
            case "join": {
                StreamObserver<String> sending = service.join(taken);
                for (String word : first.split(",")) {
                    sending.onNext(word);
                }
                sending.onCompleted();
                return taken.all();
            }
            case "echoEach": {
                StreamObserver<String> sending = service.echoEach(taken);
                for (String word : first.split(",")) {
                    sending.onNext(word);
                    taken.next();
                }
                sending.onCompleted();
                return taken.all();
            }
            default:
                throw new IllegalArgumentException("no operation " + operation);
        }
    }

    /** What came, and how it ended. */
    private final class Taken implements StreamObserver<String> {
        private final List<String> texts = new ArrayList<>();
        private final LinkedBlockingQueue<String> arriving = new LinkedBlockingQueue<>();
        private final CompletableFuture<Void> end = new CompletableFuture<>();

        @Override
        public synchronized void onNext(String text) {
            texts.add(text);
            arriving.add(text);
        }

        @Override
        public void onError(Throwable error) {
            end.completeExceptionally(error);
            arriving.add("");
        }

        @Override
        public void onCompleted() {
            end.complete(null);
        }

        void next() throws Exception {
            if (arriving.poll(patienceMs, TimeUnit.MILLISECONDS) == null) {
                throw new IllegalStateException("no message came");
            }
        }

        String all() throws Exception {
            try {
                end.get(patienceMs, TimeUnit.MILLISECONDS);
            } catch (ExecutionException wrapped) {
                throw wrapped.getCause() instanceof Exception cause ? cause : wrapped;
            }
            synchronized (this) {
                return String.join(",", texts);
            }
        }
    }
}
