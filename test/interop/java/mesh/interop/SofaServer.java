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
        new ProviderConfig<EchoService>()
                .setInterfaceId(EchoService.class.getName())
                .setRef(new EchoServiceImpl(args[1], key -> RpcInvokeContext.getContext().getRequestBaggage(key)))
                .setServer(server).setRegister(false)
                .export();
        Caller.serveUntilInputEnds(port);
    }
}
