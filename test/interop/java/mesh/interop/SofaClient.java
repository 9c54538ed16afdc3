package mesh.interop;

import com.alipay.sofa.rpc.api.future.SofaResponseFuture;
import com.alipay.sofa.rpc.common.RpcConstants;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.config.MethodConfig;
import com.alipay.sofa.rpc.context.RpcInvokeContext;
import com.alipay.sofa.rpc.core.exception.SofaRpcException;
import com.alipay.sofa.rpc.core.invoke.SofaResponseCallback;
import com.alipay.sofa.rpc.core.request.RequestBase;
import com.google.protobuf.StringValue;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** A SOFARPC client: TIMEOUT-MS HASTY-TIMEOUT-MS. Styles: future, callback, protobuf. */
public final class SofaClient {
    private SofaClient() {
    }

    public static void main(String[] args) throws Exception {
        int patienceMs = Integer.parseInt(args[0]);
        int hasteMs = Integer.parseInt(args[1]);
        Caller.Opener opener = (address, style) ->
                new Caller.Target(service(address, style, patienceMs), service(address, style, hasteMs), null);
        new Caller(opener, new Baggage()).serveInput();
    }

    private static EchoService service(String address, String style, int timeoutMs) {
        switch (style) {
            case "future":
                return future(refer(EchoService.class, address, timeoutMs, RpcConstants.INVOKER_TYPE_FUTURE, "hessian2"), timeoutMs);
            case "callback":
                return callback(refer(EchoService.class, address, timeoutMs, RpcConstants.INVOKER_TYPE_CALLBACK, "hessian2"));
            case "protobuf":
                return protobuf(refer(ProtoService.class, address, timeoutMs, RpcConstants.INVOKER_TYPE_SYNC, "protobuf"));
            default:
                return refer(EchoService.class, address, timeoutMs, RpcConstants.INVOKER_TYPE_SYNC, "hessian2");
        }
    }

    private static <T> T refer(Class<T> type, String address, int timeoutMs, String invokeType, String serialization) {
        MethodConfig note = new MethodConfig();
        note.setName("note").setInvokeType(RpcConstants.INVOKER_TYPE_ONEWAY);
        return new ConsumerConfig<T>()
                .setInterfaceId(type.getName())
                .setDirectUrl("bolt://" + address)
                .setRegister(false).setSubscribe(false)
                .setRepeatedReferLimit(-1)
                .setInvokeType(invokeType).setSerialization(serialization)
                .setConnectTimeout(3000).setTimeout(timeoutMs).setRetries(0)
                .setMethods(List.of(note))
                .refer();
    }

    private static EchoService future(EchoService stub, int timeoutMs) {
        return Styles.by((method, arguments) -> {
            Object now = method.invoke(stub, arguments);
            return Styles.isOneWay(method) ? now : SofaResponseFuture.getResponse(timeoutMs, true);
        });
    }

    private static EchoService callback(EchoService stub) {
        return Styles.by((method, arguments) -> {
            CompletableFuture<Object> answer = new CompletableFuture<>();
            RpcInvokeContext.getContext().setResponseCallback(new SofaResponseCallback<Object>() {
                @Override
                public void onAppResponse(Object response, String name, RequestBase request) {
                    answer.complete(response);
                }

                @Override
                public void onAppException(Throwable error, String name, RequestBase request) {
                    answer.completeExceptionally(error);
                }

                @Override
                public void onSofaException(SofaRpcException error, String name, RequestBase request) {
                    answer.completeExceptionally(error);
                }
            });
            Object now = method.invoke(stub, arguments);
            if (Styles.isOneWay(method)) {
                return now;
            }
            try {
                return answer.get();
            } catch (ExecutionException wrapped) {
                throw wrapped.getCause();
            }
        });
    }

    private static EchoService protobuf(ProtoService stub) {
        return Styles.by((method, arguments) -> {
            // A message that is empty is refused by the server, so that every call has a text.
            String text = arguments.length == 0 ? "?" : String.valueOf(arguments[0]);
            StringValue argument = StringValue.of(arguments.length == 2 ? arguments[1] + " " + text : text);
            Object answer = ProtoService.class.getMethod(method.getName(), StringValue.class).invoke(stub, argument);
            if (!(answer instanceof StringValue)) {
                return answer;
            }
            String value = ((StringValue) answer).getValue();
            return method.getReturnType() == List.class ? List.of(value.substring(1).split(",")) : value;
        });
    }

    private static final class Baggage implements Caller.Context {
        @Override
        public void set(String key, String value) {
            if (value == null) {
                RpcInvokeContext.removeContext();
            } else {
                RpcInvokeContext.getContext().putRequestBaggage(key, value);
            }
        }

        @Override
        public String answered(String key) {
            return RpcInvokeContext.getContext().getResponseBaggage(key);
        }
    }
}
