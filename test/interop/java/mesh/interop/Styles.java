package mesh.interop;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/** The service called in a way of the library's own, so that all operations go that way. */
final class Styles {
    private Styles() {
    }

    /** Makes one call; the arguments are as many as the method has. */
    interface Way {
        Object call(Method method, Object[] arguments) throws Throwable;
    }

    static EchoService by(Way way) {
        return (EchoService) Proxy.newProxyInstance(
                Styles.class.getClassLoader(), new Class<?>[] {EchoService.class}, (proxy, method, arguments) -> {
                    try {
                        return way.call(method, arguments == null ? new Object[0] : arguments);
                    } catch (InvocationTargetException wrapped) {
                        throw wrapped.getCause();
                    }
                });
    }

    static boolean isOneWay(Method method) {
        return method.getReturnType() == void.class;
    }
}
