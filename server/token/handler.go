package token

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hookauthz/hookauthz/authz/policy"
)

// Config is what a [Handler] needs. Endpoint and Log are required.
type Config struct {
	// Endpoint returns what the policy file in use says, nil if it has no token
	// endpoint. It returns the same pointer as long as the file is in use.
	Endpoint func() *policy.TokenEndpoint
	// Ready reports whether the secrets were read; nil: always.
	Ready func() bool
	// Store keeps opaque tokens; nil if there is none.
	Store *Store
	// Log is told of each token that is issued, revoked or refused.
	Log *slog.Logger
	// Recorder counts them; may be nil.
	Recorder Recorder
}

// A Handler is the endpoint. It may be used by many goroutines.
type Handler struct {
	Config

	current   atomic.Pointer[prepared]
	addresses *limiter
	failures  *limiter
	active    *limiter
	said      atomic.Int64 // when something that has no bound was logged, in seconds
}

var _ http.Handler = (*Handler)(nil)

// New returns a Handler.
func New(c Config) *Handler {
	return &Handler{
		Config:    c,
		addresses: newLimiter(addressBurst, addressEvery),
		failures:  newLimiter(failureBurst, failureEvery),
		active:    newLimiter(clientBurst, clientEvery),
	}
}

// Bounds of the HTTP listener. Requests are small and answered in milliseconds.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 10 * time.Second
	idleTimeout    = time.Minute
	maxHeaderBytes = 16 << 10
)

// NewServer returns an HTTP server for handler. It speaks HTTP/1.1, also over TLS.
func NewServer(handler http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         protocols,
	}
}

// An exchange is one request to the token or the revocation endpoint.
type exchange struct {
	*prepared

	operation string
	now       time.Time
	address   netip.Addr
	// claimed is the declared client that the request says it comes from. What
	// else it says is not logged: it may be a secret at the wrong place.
	claimed string
}

// An outcome is a success.
type outcome struct {
	result string
	body   any // JSON; nil: no body
	// log is what the log is told beside client and address.
	log []slog.Attr
}

// An operation does what an authenticated client asks for.
type operation func(ctx context.Context, x *exchange, client *policy.TokenClient, f form) (outcome, *refusal)

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := routeNone
	defer h.recovered(w, r, &at)
	p := h.prepare()
	at = p.route(r)
	switch at {
	case routeNone:
		answer(w, http.StatusNotFound, map[string]string{"error": "not_found"})
	case routeMetadata:
		if permits(w, r, http.MethodGet, http.MethodHead) {
			publish(w, metadataAge, "application/json", p.metadata)
		}
	case routeKeys:
		if permits(w, r, http.MethodGet, http.MethodHead) {
			h.keys(w, p)
		}
	case routeToken:
		if permits(w, r, http.MethodPost) {
			h.serve(w, r, p, OperationToken, h.issue)
		}
	case routeRevoke:
		if permits(w, r, http.MethodPost) {
			h.serve(w, r, p, OperationRevoke, h.revoke)
		}
	}
}

// permits answers 405 and returns false unless r has one of these methods.
func permits(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) {
		return true
	}
	for _, method := range methods {
		w.Header().Add("Allow", method)
	}
	refuse(w, &refusal{status: http.StatusMethodNotAllowed, code: ResultInvalidRequest, text: "this method has no use here"})
	return false
}

// serve answers one request.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, p *prepared, name string, do operation) {
	x := &exchange{prepared: p, operation: name, now: time.Now(), address: addressOf(r, p.endpoint.TrustedHops)}
	client, f, bad := h.admit(w, r, x)
	var done outcome
	if bad == nil {
		done, bad = do(r.Context(), x, client, f)
	}
	if bad != nil {
		h.refused(r.Context(), x, bad)
		refuse(w, bad)
		return
	}
	h.count(x.operation, done.result)
	h.Log.LogAttrs(r.Context(), slog.LevelInfo, "token request", append([]slog.Attr{
		slog.String("operation", x.operation), slog.String("result", done.result),
		slog.String("client", x.claimed), slog.String("address", x.address.String()),
	}, done.log...)...)
	if done.body == nil {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
		return
	}
	answer(w, http.StatusOK, done.body)
}

// admit lets through who is within the limits and proves to be a client.
func (h *Handler) admit(w http.ResponseWriter, r *http.Request, x *exchange) (*policy.TokenClient, form, *refusal) {
	if h.Ready != nil && !h.Ready() {
		return nil, nil, unavailable("secrets are still being read")
	}
	from := network(x.address)
	if wait := h.addresses.take(key{network: from}, x.now); wait > 0 {
		return nil, nil, tooOften("the address asks too often", wait)
	}
	f, bad := readForm(w, r)
	if bad != nil {
		return nil, nil, bad
	}
	name, secret, bad := presented(r, f)
	if bad != nil {
		return nil, nil, bad
	}
	if x.endpoint.Client(name) != nil {
		x.claimed = name
	}
	attempt := key{network: from, client: name}
	if wait := h.failures.wait(attempt, x.now); wait > 0 {
		return nil, nil, tooOften("too many failed authentications as this client from this address", wait)
	}
	client, bad := x.clients.verify(name, secret, x.now)
	if bad != nil {
		if bad.result == ResultInvalidClient {
			h.failures.take(attempt, x.now)
		}
		return nil, nil, bad
	}
	if wait := h.active.take(key{client: x.operation + " " + name}, x.now); wait > 0 {
		return nil, nil, tooOften("the client asks too often", wait)
	}
	return client, f, nil
}

// refused counts and logs a refusal. Requests beyond a limit are counted all, and
// logged once a second: their number has no bound.
func (h *Handler) refused(ctx context.Context, x *exchange, bad *refusal) {
	h.count(x.operation, bad.result)
	if bad.result == ResultLimited && !h.mayLog(x.now) {
		return
	}
	level := slog.LevelInfo
	if bad.trouble {
		level = slog.LevelWarn
	}
	attributes := []slog.Attr{
		slog.String("operation", x.operation), slog.String("result", bad.result), slog.String("reason", bad.why()),
		slog.String("address", x.address.String()),
	}
	if x.claimed != "" {
		attributes = append(attributes, slog.String("client", x.claimed))
	}
	h.Log.LogAttrs(ctx, level, "token request refused", attributes...)
}

// mayLog permits one line a second.
func (h *Handler) mayLog(now time.Time) bool {
	second := now.Unix()
	return h.said.Swap(second) != second
}

func (h *Handler) count(operation, result string) {
	if h.Recorder != nil {
		h.Recorder.TokenRequest(operation, result)
	}
}

// recovered answers a request whose handling panicked.
func (h *Handler) recovered(w http.ResponseWriter, r *http.Request, at *route) {
	if recover() == nil {
		return
	}
	switch *at {
	case routeToken:
		h.count(OperationToken, ResultInternal)
	case routeRevoke:
		h.count(OperationRevoke, ResultInternal)
	case routeNone, routeMetadata, routeKeys:
	}
	// What was panicked with may hold request data: only where is told.
	h.Log.ErrorContext(r.Context(), "a token request panicked: please report this", slog.String("stack", string(debug.Stack())))
	refuse(w, internal("panic"))
}
