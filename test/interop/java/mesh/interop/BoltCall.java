package mesh.interop;

import java.io.Serializable;

/** One call of a method as sofa-bolt alone carries it. */
public class BoltCall implements Serializable {
    private static final long serialVersionUID = 1L;

    public final String method;
    public final Object[] arguments;

    public BoltCall(String method, Object[] arguments) {
        this.method = method;
        this.arguments = arguments;
    }
}
