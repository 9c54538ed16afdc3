package mesh.interop;

import java.util.List;
import java.util.concurrent.ExecutionException;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.MethodConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;
import org.apache.dubbo.rpc.RpcContext;
import org.apache.dubbo.rpc.service.GenericService;

/**
 * A Dubbo consumer, of version 2.7 as of 3: TIMEOUT-MS HASTY-TIMEOUT-MS. Styles: async, generic, heartbeats (one each
 * 300 ms), and those of {@link Dubbo3Consumer}.
 */
public final class DubboConsumer {
    private DubboConsumer() {
    }

    /** Opens the calls of many messages behind a Dubbo URL. */
    interface StreamsOpener {
        Caller.Streams open(String url, int timeoutMs);
    }

    public static void main(String[] args) throws Exception {
        serve(args, null);
    }

    static void serve(String[] args, StreamsOpener streams) throws Exception {
        int patienceMs = Integer.parseInt(args[0]);
        int hasteMs = Integer.parseInt(args[1]);
        ApplicationConfig application = new ApplicationConfig("interop-consumer");
        application.setQosEnable(false);
        DubboBootstrap.getInstance().application(application).registry(new RegistryConfig("N/A")).start();
        Caller.Opener opener = (address, style) -> {
            if (style.equals("streams")) {
                return new Caller.Target(null, null, streams.open(url("tri", address, 60_000), patienceMs));
            }
            return new Caller.Target(service(address, style, patienceMs), service(address, style, hasteMs), null);
        };
        new Caller(opener, new Attachments()).serveInput();
    }

    private static EchoService service(String address, String style, int timeoutMs) {
        String protocol = style.equals("triple") ? "tri" : "dubbo";
        String url = url(protocol, address, style.equals("heartbeats") ? 300 : 60_000);
        switch (style) {
            case "generic":
                return generic(genericReference(url, timeoutMs).get());
            case "async":
                return async(reference(url, "1.0.0", timeoutMs).get());
            case "triple":
                return reference(url, "3.0.0", timeoutMs).get();
            case "fastjson2":
                return reference(url, "2.0.0", timeoutMs).get();
            default:
                return reference(url, "1.0.0", timeoutMs).get();
        }
    }

    /** Given twice: version 2.7 hands an answer's attachments out behind a cluster only. */
    private static String url(String protocol, String address, int heartbeatMs) {
        // A dotted 127.x would be rewritten to the machine's own address; the same address as one number is not.
        String url = protocol + "://" + address.replace("127.0.0.1", "2130706433") + "?heartbeat=" + heartbeatMs;
        return url + ";" + url;
    }

    private static ReferenceConfig<EchoService> reference(String url, String version, int timeoutMs) {
        ReferenceConfig<EchoService> reference = new ReferenceConfig<>();
        MethodConfig note = new MethodConfig();
        note.setName("note");
        note.setReturn(false);
        // Triple knows no call without an answer.
        if (!url.startsWith("tri")) {
            reference.setMethods(List.of(note));
        }
        return complete(reference, url, version, timeoutMs);
    }

    private static ReferenceConfig<GenericService> genericReference(String url, int timeoutMs) {
        ReferenceConfig<GenericService> reference = new ReferenceConfig<>();
        reference.setGeneric("true");
        return complete(reference, url, "1.0.0", timeoutMs);
    }

    static <T> ReferenceConfig<T> complete(ReferenceConfig<T> reference, String url, String version, int timeoutMs) {
        reference.setInterface(EchoService.class.getName());
        reference.setVersion(version);
        reference.setUrl(url);
        reference.setCluster("failfast");
        reference.setTimeout(timeoutMs);
        reference.setRetries(0);
        reference.setCheck(false);
        return reference;
    }

    private static EchoService async(EchoService stub) {
        return Styles.by((method, arguments) -> {
            if (Styles.isOneWay(method)) {
                return method.invoke(stub, arguments);
            }
            try {
                return RpcContext.getContext().asyncCall(() -> method.invoke(stub, arguments)).get();
            } catch (ExecutionException wrapped) {
                throw wrapped.getCause();
            }
        });
    }

    private static EchoService generic(GenericService service) {
        return Styles.by((method, arguments) -> {
            Class<?>[] types = method.getParameterTypes();
            String[] names = new String[types.length];
            for (int i = 0; i < types.length; i++) {
                names[i] = types[i].getName();
            }
            return service.$invoke(method.getName(), names, arguments);
        });
    }

    private static final class Attachments implements Caller.Context {
        @Override
        public void set(String key, String value) {
            if (value == null) {
                RpcContext.getContext().removeAttachment(key);
            } else {
                RpcContext.getContext().setAttachment(key, value);
            }
        }

        @Override
        public String answered(String key) {
            return RpcContext.getServerContext().getAttachment(key);
        }
    }
}
