package mesh.interop;

import com.alipay.remoting.InvokeCallback;
import com.alipay.remoting.InvokeContext;
import com.alipay.remoting.rpc.RpcClient;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;

/**
 * A client made with sofa-bolt alone: TIMEOUT-MS HASTY-TIMEOUT-MS. Styles are words joined by "-": v1 or v2 (which has
 * checksums), v2plain (checksums switched off), v2ver1 (version 2 of the protocol, version 1 of its codec), then future or
 * callback.
 */
public final class BoltClient {
    private static final RpcClient client = new RpcClient();

    private BoltClient() {
    }

    public static void main(String[] args) throws Exception {
        client.startup();
        int patienceMs = Integer.parseInt(args[0]);
        int hasteMs = Integer.parseInt(args[1]);
        Caller.Opener opener = (address, style) ->
                new Caller.Target(service(address, style, patienceMs), service(address, style, hasteMs), null);
        new Caller(opener, new NoContext()).serveInput();
    }

    private static EchoService service(String address, String style, int timeoutMs) {
        String version = style.startsWith("v1") ? "_PROTOCOL=1" : style.startsWith("v2ver1") ? "_PROTOCOL=2&_VERSION=1" : "_PROTOCOL=2&_VERSION=2";
        // A connection of its own for each style: the version is the connection's.
        String url = address + "?" + version + "&_CONNECTTIMEOUT=3000&_UNIQUEKEY=" + style;
        return Styles.by((method, arguments) -> {
            InvokeContext context = new InvokeContext();
            if (style.startsWith("v2plain")) {
                context.put(InvokeContext.BOLT_CRC_SWITCH, false);
            }
            BoltCall call = new BoltCall(method.getName(), arguments);
            if (Styles.isOneWay(method)) {
                client.oneway(url, call, context);
                return null;
            }
            if (style.endsWith("-future")) {
                return client.invokeWithFuture(url, call, context, timeoutMs).get();
            }
            if (style.endsWith("-callback")) {
                Answer answer = new Answer();
                client.invokeWithCallback(url, call, context, answer, timeoutMs);
                return answer.get();
            }
            return client.invokeSync(url, call, context, timeoutMs);
        });
    }

    private static final class Answer implements InvokeCallback {
        private final CompletableFuture<Object> value = new CompletableFuture<>();

        Object get() throws Throwable {
            try {
                return value.get();
            } catch (ExecutionException wrapped) {
                throw wrapped.getCause();
            }
        }

        @Override
        public void onResponse(Object result) {
            value.complete(result);
        }

        @Override
        public void onException(Throwable error) {
            value.completeExceptionally(error);
        }

        @Override
        public Executor getExecutor() {
            return null;
        }
    }

    /** sofa-bolt alone has no place for it. */
    private static final class NoContext implements Caller.Context {
        @Override
        public void set(String key, String value) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String answered(String key) {
            throw new UnsupportedOperationException();
        }
    }
}
