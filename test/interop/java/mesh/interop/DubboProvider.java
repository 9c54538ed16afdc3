package mesh.interop;

import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcContext;

/** A Dubbo provider: PORT NAME. */
public final class DubboProvider {
    private DubboProvider() {
    }

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        ApplicationConfig application = new ApplicationConfig("interop-provider");
        application.setQosEnable(false);
        ServiceConfig<EchoService> service = new ServiceConfig<>();
        service.setInterface(EchoService.class);
        service.setVersion("1.0.0");
        service.setRef(new EchoServiceImpl(args[1], key -> RpcContext.getServerAttachment().getAttachment(key)));
        DubboBootstrap.getInstance()
                .application(application)
                .registry(new RegistryConfig("N/A"))
                .protocol(new ProtocolConfig("dubbo", port))
                .service(service)
                .start();
        Caller.serveUntilInputEnds(port);
    }
}
