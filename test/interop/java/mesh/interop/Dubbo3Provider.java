package mesh.interop;

import org.apache.dubbo.config.ProtocolConfig;

/** A provider of Dubbo 3: PORT NAME TRIPLE-PORT. Version 2.0.0 of the service speaks fastjson2, version 3.0.0 Triple. */
public final class Dubbo3Provider {
    private Dubbo3Provider() {
    }

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        ProtocolConfig fastjson2 = DubboProvider.protocol("dubbo", port, "fastjson2");
        ProtocolConfig triple = DubboProvider.protocol("tri", Integer.parseInt(args[2]), "hessian2");
        DubboProvider.serve(args, (bootstrap, service) -> bootstrap
                .service(DubboProvider.export(EchoService.class, service, "2.0.0", fastjson2))
                .service(DubboProvider.export(EchoService.class, service, "3.0.0", triple))
                .service(DubboProvider.export(StreamService.class, new StreamServiceImpl(), "1.0.0", triple)));
    }
}
