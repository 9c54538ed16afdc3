// MOSN with what the benchmark asks of it: HTTP/1.1, bolt and Dubbo, an access log, its metrics. Its own main program
// does not resolve through the module proxy, for it takes in a stream filter with a dependency that is refused there.
// Usage: mosn-go -c FILE, MOSN's JSON configuration.
package main

import (
	"os"

	"github.com/urfave/cli"
	"mosn.io/api"
	v2 "mosn.io/mosn/pkg/config/v2"
	_ "mosn.io/mosn/pkg/filter/network/connectionmanager"
	_ "mosn.io/mosn/pkg/filter/network/proxy"
	_ "mosn.io/mosn/pkg/metrics/sink/prometheus"
	"mosn.io/mosn/pkg/mosn"
	_ "mosn.io/mosn/pkg/network"
	_ "mosn.io/mosn/pkg/protocol"
	"mosn.io/mosn/pkg/protocol/xprotocol"
	"mosn.io/mosn/pkg/protocol/xprotocol/bolt"
	"mosn.io/mosn/pkg/protocol/xprotocol/dubbo"
	_ "mosn.io/mosn/pkg/router"
	"mosn.io/mosn/pkg/stagemanager"
	_ "mosn.io/mosn/pkg/stream/http"
	xstream "mosn.io/mosn/pkg/stream/xprotocol"
	_ "mosn.io/mosn/pkg/upstream/healthcheck"
)

func registerProtocols(*cli.Context) {
	xprotocol.RegisterXProtocolAction(xstream.NewConnPool, xstream.NewStreamFactory, func(api.XProtocolCodec) {})
	for _, codec := range []api.XProtocolCodec{&bolt.XCodec{}, &dubbo.XCodec{}} {
		if err := xprotocol.RegisterXProtocolCodec(codec); err != nil {
			panic(err)
		}
	}
}

func serve(c *cli.Context) error {
	stages := stagemanager.InitStageManager(c, c.String("config"), mosn.NewMosn())
	stages.AppendParamsParsedStage(registerProtocols)
	stages.AppendInitStage(func(*v2.MOSNConfig) {})
	stages.AppendInitStage(mosn.DefaultInitStage)
	stages.AppendPreStartStage(mosn.DefaultPreStartStage)
	stages.AppendStartStage(mosn.DefaultStartStage)
	stages.RunAll()
	return nil
}

func main() {
	app := cli.NewApp()
	app.Name = "mosn-go"
	app.Flags = []cli.Flag{cli.StringFlag{Name: "config, c"}}
	app.Action = serve
	if err := app.Run(os.Args); err != nil {
		panic(err)
	}
}
