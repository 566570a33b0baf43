package extauthz_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authpb "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hookauthz/hookauthz/authz"
	"github.com/hookauthz/hookauthz/authz/authztest"
	"github.com/hookauthz/hookauthz/authz/policy"
	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/server/extauthz"
	"github.com/hookauthz/hookauthz/server/gate"
	"github.com/hookauthz/hookauthz/server/observe"
)

// benchServer names the variable that turns this test binary into a server, so
// that the CPU time of a server can be told from that of its clients.
const benchServer = "HOOKAUTHZ_BENCH_SERVER"

// benchProfile names the variable with a path: each server writes its CPU profile
// there, with its kind appended.
const benchProfile = "HOOKAUTHZ_BENCH_PROFILE"

func TestMain(m *testing.M) {
	if kind := os.Getenv(benchServer); kind != "" {
		if err := serveBench(kind); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// allowAll is what a user would write by hand first.
type allowAll struct {
	authpb.UnimplementedAuthorizationServer
}

func (allowAll) Check(context.Context, *authpb.CheckRequest) (*authpb.CheckResponse, error) {
	return &authpb.CheckResponse{
		Status:       &rpcstatus.Status{},
		HttpResponse: &authpb.CheckResponse_OkResponse{OkResponse: &authpb.OkHttpResponse{}},
	}, nil
}

// serveBench serves until its input ends. Every line of input is answered with
// the CPU time that the process has used, in nanoseconds.
func serveBench(kind string) (err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var server *grpc.Server
	switch kind {
	case "stock":
		server = grpc.NewServer()
		authpb.RegisterAuthorizationServer(server, allowAll{})
	default:
		server, err = benchOurs()
		if err != nil {
			return err
		}
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	fmt.Println(listener.Addr())
	if path := os.Getenv(benchProfile); path != "" {
		profile, err := os.Create(path + "." + kind)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(profile); err != nil {
			return errors.Join(err, profile.Close())
		}
		defer func() {
			pprof.StopCPUProfile()
			err = errors.Join(err, profile.Close())
		}()
	}

	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var use syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
			return err
		}
		fmt.Println(use.Utime.Nano() + use.Stime.Nano())
	}
	server.Stop()
	return errors.Join(lines.Err(), <-done)
}

// benchOurs is the server as the process runs it.
func benchOurs() (*grpc.Server, error) {
	ours, err := recordingServer()
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(gate.ServerOptions(2 << 20)...)
	ours.Register(server)
	return server, nil
}

// recordingServer has a policy like any user's and records as the process does.
func recordingServer() (*extauthz.Server, error) {
	file, findings := policy.Read([]document.File{{Name: "bench.yaml", Data: []byte(benchPolicy)}}, policy.Options{})
	if file == nil {
		return nil, fmt.Errorf("read the policy: %v", findings)
	}
	table := file.Table(policy.Sources{Secret: func(string) authz.Secrets { return authztest.Values(benchKey) }})

	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	log := observe.NewLog(out, 0, nil)
	go log.Run(context.Background()) // ends with the process
	return extauthz.New(extauthz.Config{
		Tables:   func() *policy.Table { return table },
		Recorder: observe.New(observe.NewMetrics(0), log),
	})
}

const benchPolicy = `
secrets: {github: {env: {name: GITHUB}}}
policies:
  github: {require: {provider: {name: github, secrets: [github]}}}
`

// A child is a server in a process of its own.
type child struct {
	cmd    *exec.Cmd
	input  *os.File
	output *bufio.Scanner
	conns  []*grpc.ClientConn
}

func startChild(b *testing.B, kind string) *child {
	b.Helper()
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), benchServer+"="+kind)
	if _, percent, ok := strings.Cut(kind, ",GOGC="); ok {
		cmd.Env = append(cmd.Env, "GOGC="+percent)
	}
	cmd.Stderr = os.Stderr
	input, keep, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stdin = input
	output, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if err := input.Close(); err != nil {
		b.Fatal(err)
	}
	c := &child{cmd: cmd, input: keep, output: bufio.NewScanner(output)}
	b.Cleanup(func() {
		var errs []error
		for _, conn := range c.conns {
			errs = append(errs, conn.Close())
		}
		if err := errors.Join(append(errs, c.input.Close(), cmd.Wait())...); err != nil {
			b.Errorf("server %s: %v", kind, err)
		}
	})
	if !c.output.Scan() {
		b.Fatalf("server %s said no address", kind)
	}
	for range benchConns {
		conn, err := grpc.NewClient("passthrough:///"+c.output.Text(),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(bytesCodec{})))
		if err != nil {
			b.Fatal(err)
		}
		c.conns = append(c.conns, conn)
	}
	return c
}

// benchConns is how many connections an Envoy with two workers opens.
const benchConns = 2

// cpu returns the CPU time the child has used.
func (c *child) cpu(b *testing.B) time.Duration {
	b.Helper()
	if _, err := fmt.Fprintln(c.input); err != nil {
		b.Fatal(err)
	}
	if !c.output.Scan() {
		b.Fatal("the server is gone")
	}
	n, err := strconv.ParseInt(c.output.Text(), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(n)
}

// load makes n calls, flight at a time, and fails unless all are allowed.
func (c *child) load(b *testing.B, request []byte, n int64, flight int) {
	b.Helper()
	var next atomic.Int64
	var bad atomic.Pointer[string]
	var wait sync.WaitGroup
	for i := range flight {
		conn := c.conns[i%len(c.conns)]
		wait.Go(func() {
			for next.Add(1) <= n {
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				var reply []byte
				err := conn.Invoke(ctx, authpb.Authorization_Check_FullMethodName, request, &reply)
				cancel()
				if err == nil {
					err = allows(reply)
				}
				if err != nil {
					text := err.Error()
					bad.Store(&text)
					return
				}
			}
		})
	}
	wait.Wait()
	if text := bad.Load(); text != nil {
		b.Fatal(*text)
	}
}

// allows looks for the OK response, cheaply: the client shares the machine.
func allows(reply []byte) error {
	var response authpb.CheckResponse
	if len(reply) < 64 || reply[0] != 0x0a { // what stock answers, and doubt
		if err := proto.Unmarshal(reply, &response); err != nil {
			return err
		}
		if response.GetStatus().GetCode() != 0 || response.GetOkResponse() == nil {
			return fmt.Errorf("denied: %v", &response)
		}
	}
	return nil
}

// bytesCodec sends and receives bytes as they are.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	message, ok := v.([]byte)
	if !ok {
		return nil, errors.New("not bytes")
	}
	return mem.BufferSlice{mem.SliceBuffer(message)}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	message, ok := v.(*[]byte)
	if !ok {
		return errors.New("not bytes")
	}
	*message = data.Materialize()
	return nil
}

const benchKey = "0123456789abcdef0123456789abcdef"

// benchRequest is a GitHub delivery of 1 KiB as Envoy shows it.
func benchRequest(b *testing.B) []byte {
	b.Helper()
	body := []byte(`{"action":"opened","number":1,"text":"` + strings.Repeat("x", 1024-40) + `"}`)
	mac := hmac.New(sha256.New, []byte(benchKey))
	mac.Write(body)
	lines := [][2]string{
		{":authority", "hooks.example.com"},
		{":path", "/hooks/github"},
		{":method", "POST"},
		{":scheme", "https"},
		{"accept", "*/*"},
		{"user-agent", "GitHub-Hookshot/044aadd"},
		{"content-type", "application/json"},
		{"content-length", strconv.Itoa(len(body))},
		{"x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"},
		{"x-github-event", "pull_request"},
		{"x-github-hook-id", "292430182"},
		{"x-github-hook-installation-target-id", "79929171"},
		{"x-github-hook-installation-target-type", "repository"},
		{"x-hub-signature-256", "sha256=" + hex.EncodeToString(mac.Sum(nil))},
		{"x-forwarded-for", "192.30.252.44"},
		{"x-forwarded-proto", "https"},
		{"x-request-id", "6f1f4c2e-5b0e-4f2c-9d2a-2a0c8f0e5a11"},
		{"x-envoy-auth-partial-body", "false"},
	}
	var header corepb.HeaderMap
	for _, line := range lines {
		header.Headers = append(header.Headers, &corepb.HeaderValue{Key: line[0], RawValue: []byte(line[1])})
	}
	address := func(ip string, port uint32) *authpb.AttributeContext_Peer {
		return &authpb.AttributeContext_Peer{Address: &corepb.Address{Address: &corepb.Address_SocketAddress{
			SocketAddress: &corepb.SocketAddress{Address: ip, PortSpecifier: &corepb.SocketAddress_PortValue{PortValue: port}},
		}}}
	}
	raw, err := proto.Marshal(&authpb.CheckRequest{Attributes: &authpb.AttributeContext{
		Source:      address("192.30.252.44", 54321),
		Destination: address("10.0.0.7", 10000),
		Request: &authpb.AttributeContext_Request{
			Time: timestamppb.Now(),
			Http: &authpb.AttributeContext_HttpRequest{
				Id: "7405301834312234567", Method: "POST", Path: "/hooks/github", Host: "hooks.example.com", Scheme: "https",
				Protocol: "HTTP/2", Size: int64(len(body)), RawBody: body, HeaderMap: &header,
			},
		},
		ContextExtensions: map[string]string{
			"hookauthz.policy": "github", "hookauthz.body": "raw-full", "hookauthz.max_request_bytes": "1048576",
		},
		MetadataContext:      &corepb.Metadata{},
		RouteMetadataContext: &corepb.Metadata{},
	}})
	if err != nil {
		b.Fatal(err)
	}
	return raw
}

// BenchmarkServer compares the CPU time that a Check costs with that of a
// grpc-go server that allows everything, of which every setting is the default.
// Both run in processes of their own and are loaded in turn with the same calls;
// told are the medians over the rounds, the ratio that of a round's pair.
//
// The second kind collects garbage less often, at the price of some MiB.
func BenchmarkServer(b *testing.B) {
	if testing.Short() {
		b.Skip("takes minutes")
	}
	for _, kind := range []string{"hookauthz", "hookauthz,GOGC=400"} {
		for _, flight := range []int{1, 16, 64} {
			b.Run(kind+"/in-flight="+strconv.Itoa(flight), func(b *testing.B) { compare(b, kind, flight) })
		}
	}
}

func compare(b *testing.B, kind string, flight int) {
	b.Helper()
	const rounds, calls = 40, 2000
	request := benchRequest(b)
	stock, ours := startChild(b, "stock"), startChild(b, kind)
	stock.load(b, request, calls, flight)
	ours.load(b, request, calls, flight)
	measure := func(c *child) float64 {
		before := c.cpu(b)
		c.load(b, request, calls, flight)
		return float64(c.cpu(b)-before) / calls
	}
	for b.Loop() {
		var ratios, stocks, own []float64
		for range rounds {
			s, o := measure(stock), measure(ours)
			stocks, own, ratios = append(stocks, s), append(own, o), append(ratios, o/s)
		}
		slices.Sort(stocks)
		slices.Sort(own)
		slices.Sort(ratios)
		b.ReportMetric(stocks[rounds/2], "stock-cpu-ns/check")
		b.ReportMetric(own[rounds/2], "hookauthz-cpu-ns/check")
		b.ReportMetric(ratios[rounds/2], "ratio")
		b.ReportMetric(ratios[rounds/4], "ratio-p25")
		b.ReportMetric(ratios[rounds*3/4], "ratio-p75")
	}
}

// BenchmarkCheck is what a Check costs besides gRPC.
func BenchmarkCheck(b *testing.B) {
	message := benchRequest(b)
	ours, err := recordingServer()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s := &stream{ctx: context.Background(), request: message}
		if err := extauthz.Serve(ours, s); err != nil {
			b.Fatal(err)
		}
	}
}
