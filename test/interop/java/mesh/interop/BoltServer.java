package mesh.interop;

import com.alipay.remoting.BizContext;
import com.alipay.remoting.rpc.RpcServer;
import com.alipay.remoting.rpc.protocol.SyncUserProcessor;
import java.io.Serializable;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;

/** A server made with sofa-bolt alone, which takes bolt v1 and v2: PORT NAME. */
public final class BoltServer {
    private BoltServer() {
    }

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        RpcServer server = new RpcServer("127.0.0.1", port);
        server.registerUserProcessor(new Service(new EchoServiceImpl(args[1], key -> null)));
        server.startup();
        Caller.serveUntilInputEnds(port);
    }

    private static final class Service extends SyncUserProcessor<BoltCall> {
        private final EchoService service;

        Service(EchoService service) {
            this.service = service;
        }

        @Override
        public Object handleRequest(BizContext context, BoltCall call) throws Exception {
            for (Method method : EchoService.class.getMethods()) {
                if (method.getName().equals(call.method)) {
                    return answer(method, call.arguments);
                }
            }
            throw new NoSuchMethodException(call.method);
        }

        private Serializable answer(Method method, Object[] arguments) throws Exception {
            try {
                Object value = method.invoke(service, arguments);
                return value instanceof List ? new ArrayList<>((List<?>) value) : (Serializable) value;
            } catch (InvocationTargetException wrapped) {
                throw (Exception) wrapped.getCause();
            }
        }

        @Override
        public String interest() {
            return BoltCall.class.getName();
        }
    }
}
