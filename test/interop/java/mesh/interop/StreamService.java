package mesh.interop;

import org.apache.dubbo.common.stream.StreamObserver;

/** Calls of many messages, which Triple has. */
public interface StreamService {
    /** Sends the text so many times. */
    void repeat(String textAndCount, StreamObserver<String> answers);

    /** Answers once, when the client has sent all, with everything joined by "+". */
    StreamObserver<String> join(StreamObserver<String> answer);

    /** Answers each message as it comes; one that says "fail" ends the call with an error. */
    StreamObserver<String> echoEach(StreamObserver<String> answers);
}
