package mesh.interop;

/** A consumer of Dubbo 3: its further styles are fastjson2 (the provider's other version), triple and streams. */
public final class Dubbo3Consumer {
    private Dubbo3Consumer() {
    }

    public static void main(String[] args) throws Exception {
        DubboConsumer.serve(args, TripleStreams::open);
    }
}
