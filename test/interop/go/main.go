// A gRPC client on google.golang.org/grpc that calls the test service and prints one line of JSON per case.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// rawCodec passes messages on as the bytes they are, so that no schema is needed.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(value any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*value.(*[]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, value any) error {
	*value.(*[]byte) = data.Materialize()
	return nil
}

var _ encoding.CodecV2 = rawCodec{}

type report struct {
	Case   string `json:"case"`
	Ok     bool   `json:"ok"`
	Detail string `json:"detail"`
}

func main() {
	target := flag.String("target", "", "host:port")
	authority := flag.String("authority", "", "server name, with -ca")
	ca := flag.String("ca", "", "PEM file of the authority to trust; plaintext without it")
	flag.Parse()
	connection, err := dial(*target, *ca, *authority)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer connection.Close()
	for _, one := range cases {
		detail, err := one.run(connection)
		line := report{Case: one.name, Ok: err == nil, Detail: detail}
		if err != nil {
			line.Detail = err.Error()
		}
		text, _ := json.Marshal(line)
		fmt.Println(string(text))
	}
}

func dial(target, ca, authority string) (*grpc.ClientConn, error) {
	transport := insecure.NewCredentials()
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport = credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: authority})
	}
	return grpc.NewClient(
		"passthrough:///"+target,
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(rawCodec{}),
			grpc.MaxCallRecvMsgSize(16<<20),
			grpc.MaxCallSendMsgSize(16<<20),
		),
	)
}
