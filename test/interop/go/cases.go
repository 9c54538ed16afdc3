package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	service     = "/mesh.interop.Echo/"
	callTimeout = 20 * time.Second
	bigBytes    = 4 << 20
	manyCalls   = 100
)

type testCase struct {
	name string
	run  func(*grpc.ClientConn) (string, error)
}

var cases = []testCase{
	{"unary", unary},
	{"metadata", metadataBothWays},
	{"error", errorStatus},
	{"unimplemented", unimplemented},
	{"server-stream", serverStream},
	{"client-stream", clientStream},
	{"bidi", bidi},
	{"deadline", deadline},
	{"cancel", cancel},
	{"big", big},
	{"many", many},
	{"unavailable", unavailable},
}

func withTimeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), callTimeout)
}

func invoke(ctx context.Context, c *grpc.ClientConn, method string, request []byte, options ...grpc.CallOption) ([]byte, error) {
	var answer []byte
	err := c.Invoke(ctx, service+method, &request, &answer, options...)
	return answer, err
}

func unary(c *grpc.ClientConn) (string, error) {
	ctx, done := withTimeout()
	defer done()
	answer, err := invoke(ctx, c, "Unary", []byte("hello"))
	if err == nil && string(answer) != "hello" {
		err = fmt.Errorf("got %q", answer)
	}
	return "", err
}

func metadataBothWays(c *grpc.ClientConn) (string, error) {
	ctx, done := withTimeout()
	defer done()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-word", "mesh", "x-raw-bin", "\x00\x01\xff")
	var header, trailer metadata.MD
	_, err := invoke(ctx, c, "Unary", nil, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		return "", err
	}
	if got := strings.Join(header.Get("x-word-back"), ","); got != "mesh" {
		return "", fmt.Errorf("header x-word-back is %q", got)
	}
	if got := strings.Join(header.Get("x-raw-back-bin"), ","); got != "\x00\x01\xff" {
		return "", fmt.Errorf("header x-raw-back-bin is %q", got)
	}
	if got := strings.Join(trailer.Get("x-end"), ","); got != "last" {
		return "", fmt.Errorf("trailer x-end is %q", got)
	}
	return "", nil
}

func wantCode(err error, code codes.Code) error {
	if got := status.Code(err); got != code {
		return fmt.Errorf("code is %v, not %v: %v", got, code, err)
	}
	return nil
}

func errorStatus(c *grpc.ClientConn) (string, error) {
	ctx, done := withTimeout()
	defer done()
	var trailer metadata.MD
	_, err := invoke(ctx, c, "Fail", []byte("9 déjà vu: 100%"), grpc.Trailer(&trailer))
	if err := wantCode(err, codes.FailedPrecondition); err != nil {
		return "", err
	}
	if got := status.Convert(err).Message(); got != "déjà vu: 100%" {
		return "", fmt.Errorf("message is %q", got)
	}
	if got := strings.Join(trailer.Get("x-reason"), ","); got != "asked" {
		return "", fmt.Errorf("trailer x-reason is %q", got)
	}
	return "", nil
}

func unimplemented(c *grpc.ClientConn) (string, error) {
	ctx, done := withTimeout()
	defer done()
	_, err := invoke(ctx, c, "Nothing", nil)
	return "", wantCode(err, codes.Unimplemented)
}

func open(ctx context.Context, c *grpc.ClientConn, method string) (grpc.ClientStream, error) {
	description := &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}
	return c.NewStream(ctx, description, service+method)
}

func serverStream(c *grpc.ClientConn) (string, error) {
	ctx, done := withTimeout()
	defer done()
	stream, err := open(ctx, c, "Down")
	if err != nil {
		return "", err
	}
	request := []byte("200 1000")
	if err := stream.SendMsg(&request); err != nil {
		return "", err
	}
	if err := stream.CloseSend(); err != nil {
		return "", err
	}
	for n := 0; ; n++ {
		var message []byte
		err := stream.RecvMsg(&message)
		if errors.Is(err, io.EOF) {
			if n != 200 {
				return "", fmt.Errorf("%d messages", n)
			}
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if len(message) != 1000 || !bytes.HasPrefix(message, fmt.Appendf(nil, "%d ", n)) {
			return "", fmt.Errorf("message %d is %.20q", n, message)
		}
	}
}

func clientStream(c *grpc.ClientConn) (string, error) {
	ctx, done := withTimeout()
	defer done()
	stream, err := open(ctx, c, "Up")
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for n := range 200 {
		message := bytes.Repeat(fmt.Appendf(nil, "%d ", n), 100)
		hash.Write(message)
		if err := stream.SendMsg(&message); err != nil {
			return "", err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return "", err
	}
	var answer []byte
	if err := stream.RecvMsg(&answer); err != nil {
		return "", err
	}
	if want := fmt.Sprintf("200 %x", hash.Sum(nil)); string(answer) != want {
		return "", fmt.Errorf("got %q, not %q", answer, want)
	}
	return "", nil
}

func bidi(c *grpc.ClientConn) (string, error) {
	ctx, done := withTimeout()
	defer done()
	stream, err := open(ctx, c, "Both")
	if err != nil {
		return "", err
	}
	for n := range 100 {
		sent := fmt.Appendf(nil, "ping %d", n)
		if err := stream.SendMsg(&sent); err != nil {
			return "", err
		}
		var got []byte
		if err := stream.RecvMsg(&got); err != nil {
			return "", err
		}
		if !bytes.Equal(got, sent) {
			return "", fmt.Errorf("sent %q, got %q", sent, got)
		}
	}
	if err := stream.CloseSend(); err != nil {
		return "", err
	}
	var last []byte
	if err := stream.RecvMsg(&last); !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("after the end: %v", err)
	}
	return "", nil
}

// upstreamSaw waits until the server says that it saw the call with this key end early.
func upstreamSaw(c *grpc.ClientConn, key string) error {
	ctx, done := withTimeout()
	defer done()
	for {
		answer, err := invoke(ctx, c, "Cancelled", []byte(key))
		if err != nil {
			return fmt.Errorf("the server never saw the end: %w", err)
		}
		if string(answer) == "1" {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func deadline(c *grpc.ClientConn) (string, error) {
	key := fmt.Sprintf("deadline-%d", time.Now().UnixNano())
	ctx, done := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer done()
	_, err := invoke(ctx, c, "Hang", []byte(key))
	if err := wantCode(err, codes.DeadlineExceeded); err != nil {
		return "", err
	}
	return "", upstreamSaw(c, key)
}

func cancel(c *grpc.ClientConn) (string, error) {
	key := fmt.Sprintf("cancel-%d", time.Now().UnixNano())
	ctx, done := withTimeout()
	time.AfterFunc(200*time.Millisecond, done)
	_, err := invoke(ctx, c, "Hang", []byte(key))
	if err := wantCode(err, codes.Canceled); err != nil {
		return "", err
	}
	return "", upstreamSaw(c, key)
}

func big(c *grpc.ClientConn) (string, error) {
	ctx, done := withTimeout()
	defer done()
	message := bytes.Repeat([]byte("0123456789abcdef"), bigBytes/16)
	answer, err := invoke(ctx, c, "Unary", message)
	if err == nil && !bytes.Equal(answer, message) {
		err = fmt.Errorf("%d bytes came back", len(answer))
	}
	return "", err
}

func many(c *grpc.ClientConn) (string, error) {
	ctx, done := withTimeout()
	defer done()
	faults := make([]error, manyCalls)
	var calls sync.WaitGroup
	for n := range manyCalls {
		calls.Add(1)
		go func() {
			defer calls.Done()
			message := bytes.Repeat(fmt.Appendf(nil, "%d;", n), 1+n*20)
			answer, err := invoke(ctx, c, "Unary", message)
			if err == nil && !bytes.Equal(answer, message) {
				err = fmt.Errorf("call %d got %.20q", n, answer)
			}
			faults[n] = err
		}()
	}
	calls.Wait()
	return "", errors.Join(faults...)
}

func unavailable(c *grpc.ClientConn) (string, error) {
	ctx, done := withTimeout()
	defer done()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-to", "dead")
	_, err := invoke(ctx, c, "Unary", []byte("hello"))
	return status.Convert(err).Message(), wantCode(err, codes.Unavailable)
}
