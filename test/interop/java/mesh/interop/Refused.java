package mesh.interop;

/** A checked exception of the application. */
public class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    public Refused(String message) {
        super(message);
    }
}
