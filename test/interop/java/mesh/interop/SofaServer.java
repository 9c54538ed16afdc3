package mesh.interop;

import com.alipay.sofa.rpc.config.ProviderConfig;
import com.alipay.sofa.rpc.config.ServerConfig;
import com.alipay.sofa.rpc.context.RpcInvokeContext;

/** A SOFARPC server: PORT NAME. */
public final class SofaServer {
    private SofaServer() {
    }

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        ServerConfig server = new ServerConfig()
                .setProtocol("bolt").setHost("127.0.0.1").setPort(port).setDaemon(true);
        EchoService service = new EchoServiceImpl(args[1], SofaServer::baggage);
        export(EchoService.class, service, server);
        export(ProtoService.class, new ProtoServiceImpl(service), server);
        Caller.serveUntilInputEnds(port);
    }

    private static <T> void export(Class<T> type, T service, ServerConfig server) {
        new ProviderConfig<T>()
                .setInterfaceId(type.getName()).setRef(service)
                .setServer(server).setRegister(false)
                .export();
    }

    /** What a call carries; the answer carries it back under another name. */
    private static String baggage(String key) {
        RpcInvokeContext context = RpcInvokeContext.getContext();
        String value = context.getRequestBaggage(key);
        if (value != null) {
            context.putResponseBaggage("answered-" + key, value);
        }
        return value;
    }
}
