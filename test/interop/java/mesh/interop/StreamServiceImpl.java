package mesh.interop;

import java.util.ArrayList;
import java.util.List;
import org.apache.dubbo.common.stream.StreamObserver;

public class StreamServiceImpl implements StreamService {
    @Override
    public void repeat(String textAndCount, StreamObserver<String> answers) {
        String[] words = textAndCount.split(" ");
        for (int i = 0; i < Integer.parseInt(words[1]); i++) {
            answers.onNext(words[0] + i);
        }
        answers.onCompleted();
    }

    @Override
    public StreamObserver<String> join(StreamObserver<String> answer) {
        List<String> taken = new ArrayList<>();
        return new StreamObserver<>() {
            @Override
            public void onNext(String text) {
                taken.add(text);
            }

            @Override
            public void onError(Throwable error) {
                taken.clear();
            }

            @Override
            public void onCompleted() {
                answer.onNext(String.join("+", taken));
                answer.onCompleted();
            }
        };
    }

    @Override
    public StreamObserver<String> echoEach(StreamObserver<String> answers) {
        return new StreamObserver<>() {
            @Override
            public void onNext(String text) {
                if (text.equals("fail")) {
                    answers.onError(new IllegalStateException("told to fail"));
                } else {
                    answers.onNext(text);
                }
            }

            @Override
            public void onError(Throwable error) {
                // The client is gone.
            }

            @Override
            public void onCompleted() {
                answers.onCompleted();
            }
        };
    }
}
