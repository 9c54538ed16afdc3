package mesh.interop;

import java.util.List;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.MethodConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcContext;

/** A Dubbo consumer: HOST:PORT TIMEOUT-MS HASTY-TIMEOUT-MS [HEARTBEAT-MS]. */
public final class DubboConsumer {
    private DubboConsumer() {
    }

    public static void main(String[] args) throws Exception {
        ApplicationConfig application = new ApplicationConfig("interop-consumer");
        application.setQosEnable(false);
        int heartbeatMs = args.length > 3 ? Integer.parseInt(args[3]) : 60_000;
        ReferenceConfig<EchoService> patient = reference(args[0], Integer.parseInt(args[1]), heartbeatMs);
        ReferenceConfig<EchoService> hasty = reference(args[0], Integer.parseInt(args[2]), heartbeatMs);
        DubboBootstrap.getInstance()
                .application(application)
                .registry(new RegistryConfig("N/A"))
                .reference(patient).reference(hasty)
                .start();
        // A null removes the attachment.
        Caller.Context attachments = (key, value) -> RpcContext.getClientAttachment().setAttachment(key, value);
        new Caller(patient.get(), hasty.get(), attachments).serveInput();
    }

    private static ReferenceConfig<EchoService> reference(String address, int timeoutMs, int heartbeatMs) {
        MethodConfig note = new MethodConfig();
        note.setName("note");
        note.setReturn(false);
        ReferenceConfig<EchoService> reference = new ReferenceConfig<>();
        reference.setId("timeout-" + timeoutMs);
        reference.setInterface(EchoService.class);
        reference.setVersion("1.0.0");
        // A dotted 127.x would be rewritten to the machine's own address; the same address as one number is not.
        reference.setUrl("dubbo://" + address.replace("127.0.0.1", "2130706433") + "?heartbeat=" + heartbeatMs);
        reference.setTimeout(timeoutMs);
        reference.setRetries(0);
        reference.setCheck(false);
        reference.setMethods(List.of(note));
        return reference;
    }
}
