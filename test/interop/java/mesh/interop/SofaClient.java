package mesh.interop;

import com.alipay.sofa.rpc.common.RpcConstants;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.config.MethodConfig;
import com.alipay.sofa.rpc.context.RpcInvokeContext;
import java.util.List;

/** A SOFARPC client: HOST:PORT TIMEOUT-MS HASTY-TIMEOUT-MS. */
public final class SofaClient {
    private SofaClient() {
    }

    public static void main(String[] args) throws Exception {
        Caller.Context baggage = (key, value) -> {
            if (value == null) {
                RpcInvokeContext.removeContext();
            } else {
                RpcInvokeContext.getContext().putRequestBaggage(key, value);
            }
        };
        new Caller(refer(args[0], Integer.parseInt(args[1])), refer(args[0], Integer.parseInt(args[2])), baggage).serveInput();
    }

    private static EchoService refer(String address, int timeoutMs) {
        MethodConfig note = new MethodConfig();
        note.setName("note").setInvokeType(RpcConstants.INVOKER_TYPE_ONEWAY);
        return new ConsumerConfig<EchoService>()
                .setInterfaceId(EchoService.class.getName())
                .setDirectUrl("bolt://" + address)
                .setRegister(false).setSubscribe(false)
                .setRepeatedReferLimit(-1)
                .setConnectTimeout(3000).setTimeout(timeoutMs).setRetries(0)
                .setMethods(List.of(note))
                .refer();
    }
}
