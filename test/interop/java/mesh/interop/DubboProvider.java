package mesh.interop;

import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcContext;

/** A Dubbo provider, of version 2.7 as of 3: PORT NAME. */
public final class DubboProvider {
    private DubboProvider() {
    }

    /** Exports more than what every version can. */
    interface More {
        void add(DubboBootstrap bootstrap, EchoService service);
    }

    public static void main(String[] args) throws Exception {
        serve(args, (bootstrap, service) -> { });
    }

    static void serve(String[] args, More more) throws Exception {
        int port = Integer.parseInt(args[0]);
        ApplicationConfig application = new ApplicationConfig("interop-provider");
        application.setQosEnable(false);
        DubboBootstrap bootstrap = DubboBootstrap.getInstance().application(application).registry(new RegistryConfig("N/A"));
        EchoService service = new EchoServiceImpl(args[1], DubboProvider::attachment);
        bootstrap.service(export(EchoService.class, service, "1.0.0", protocol("dubbo", port, "hessian2")));
        more.add(bootstrap, service);
        bootstrap.start();
        Caller.serveUntilInputEnds(port);
    }

    static ProtocolConfig protocol(String name, int port, String serialization) {
        ProtocolConfig protocol = new ProtocolConfig(name, port);
        protocol.setId(name + "-" + serialization);
        protocol.setSerialization(serialization);
        return protocol;
    }

    static <T> ServiceConfig<T> export(Class<T> type, T service, String version, ProtocolConfig protocol) {
        ServiceConfig<T> config = new ServiceConfig<>();
        config.setInterface(type);
        config.setRef(service);
        config.setVersion(version);
        config.setProtocol(protocol);
        return config;
    }

    /** What a call carries; the answer carries it back under another name. */
    private static Object attachment(String key) {
        String value = RpcContext.getContext().getAttachment(key);
        if (value != null) {
            RpcContext.getServerContext().setAttachment("answered-" + key, value);
        }
        return value;
    }
}
