package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/token"
)

// remote imports through the API of a server that runs.
type remote struct {
	base   *url.URL
	token  string
	client *http.Client
}

// newRemote refuses to send secrets in clear over a network.
func newRemote(server, secret string) (*remote, error) {
	base, err := url.Parse(server)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("--server %q: want the server's public address, such as https://keys.example.com", server)
	}
	if ip := net.ParseIP(base.Hostname()); base.Scheme == "http" && base.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("--server %s: use https, so that nobody on the way reads the token", server)
	}
	if secret == "" {
		return nil, errors.New("put an administrator's token with the scope keywright:admin into KEYWRIGHT_TOKEN")
	}
	return &remote{base: base, token: secret, client: &http.Client{Timeout: 2 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// What is sent in one go; a body of the API is at most 64 KiB.
const (
	remoteLines = 200
	remoteBytes = 48 << 10
)

// part is some lines on their way to the server.
type part struct {
	lines   []json.RawMessage
	numbers []int
	bytes   int
}

// importTokens is authority.ImportTokens, through the API. A line that can't be read stays here.
func (r *remote) importTokens(ctx context.Context, ws string, in authority.Import) (sum authority.ImportedSummary, err error) {
	var p part
	send := func() error {
		if len(p.lines) == 0 {
			return nil
		}
		err := r.send(ctx, ws, &p, in, &sum)
		if p = (part{}); err == nil {
			in.Progress(sum)
		}
		return err
	}
	for l, err := range in.Lines {
		if err != nil {
			return sum, errors.Join(fmt.Errorf("the file can't be read: %w", err), send())
		}
		if l.Raw() && !in.AllowRaw {
			l.Problem = authority.RawRefused // it must not go over the network either
		}
		if l.Problem == "" {
			line, err := json.Marshal(wireLine(&l))
			if err != nil {
				return sum, err
			}
			if len(line) < remoteBytes {
				if p.lines, p.numbers, p.bytes = append(p.lines, line), append(p.numbers, l.Number), p.bytes+len(line); len(p.lines) < remoteLines && p.bytes < remoteBytes-legacy.MaxLine {
					continue
				}
			} else {
				l.Problem = "The line is too long."
			}
		}
		if err := send(); err != nil {
			return sum, err
		}
		if l.Problem != "" {
			sum.Refused++
			in.Report(authority.Imported{Line: l.Number, Outcome: authority.LineRefused, Problem: l.Problem})
		}
	}
	return sum, send()
}

func wireLine(l *legacy.Line) api.LegacyLine {
	out := api.LegacyLine{Owner: l.Owner, Name: l.Name, Description: l.Description, Scopes: l.Scopes, CreatedAt: wireTime(l.CreatedAt), ExpiresAt: wireTime(l.ExpiresAt)}
	digest := hex.EncodeToString(l.Digest)
	switch {
	case l.Raw():
		out.Secret = l.Secret.Reveal()
	case l.Scheme == token.SchemeSHA512:
		out.SHA512 = digest
	case l.Scheme == token.SchemeHMAC:
		out.HMACSHA256 = digest
	default:
		out.SHA256 = digest
	}
	return out
}

func wireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// send sends some lines and reports what became of them.
func (r *remote) send(ctx context.Context, ws string, p *part, in authority.Import, sum *authority.ImportedSummary) error {
	body := map[string]any{"lines": p.lines, "dry_run": in.DryRun, "allow_raw_secrets": in.AllowRaw}
	if key := in.HMACKey.Reveal(); key != "" {
		body["hmac_key"] = base64.StdEncoding.EncodeToString([]byte(key))
	}
	if !in.Stops.IsZero() {
		body["stops_at"] = in.Stops
	}
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	to := r.base.JoinPath("api", "v1", "workspaces", ws, "legacy-tokens", "import").String()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.token)
	res, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return refusedBy(res.StatusCode, answer)
	}
	var out api.LegacyImportResult
	if err := json.Unmarshal(answer, &out); err != nil || len(out.Lines) != len(p.lines) {
		return fmt.Errorf("%s answered what is no answer to an import", r.base.Host)
	}
	for i, l := range out.Lines {
		d := authority.Imported{Line: p.numbers[i], Outcome: authority.Outcome(l.Outcome)}
		if l.Problem != nil {
			d.Problem = *l.Problem
		}
		in.Report(d)
	}
	sum.Imported, sum.Known, sum.Refused, sum.Stops = sum.Imported+out.Imported, sum.Known+out.Known, sum.Refused+out.Refused, out.StopsAt
	return nil
}

// refusedBy says what the server said.
func refusedBy(status int, answer []byte) error {
	var p api.Problem
	if json.Unmarshal(answer, &p) != nil || p.Detail == "" {
		return fmt.Errorf("the server answered %d", status)
	}
	words := []string{p.Detail}
	for _, f := range p.Errors {
		words = append(words, f.Field+": "+f.Detail)
	}
	return errors.New(strings.Join(words, "\n"))
}
