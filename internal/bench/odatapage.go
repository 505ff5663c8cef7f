package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// page reads one page, and returns the path and query of the next; "" is none. Rows hold no braces but their own.
func (r *readResult) page(ctx context.Context, client *http.Client, j readJob, path string, buf []byte) (next string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+j.Addr+path, nil)
	if err != nil {
		return "", err
	}
	if j.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+j.Bearer)
	}
	began := time.Now()
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return "", fmt.Errorf("%s: %s\n%s", path, res.Status, text)
	}
	const most = 1 << 10 // of a link
	end := make([]byte, 0, 2*most)
	begun := false
	for rows := -1; ; { // the page itself has a brace
		n, err := res.Body.Read(buf)
		if n > 0 && !begun {
			begun = true
			if took := millis(time.Since(began)); r.First == 0 || took < r.First {
				r.First = took
			}
		}
		r.Bytes += int64(n)
		rows += bytes.Count(buf[:n], []byte("{"))
		end = append(end, buf[max(0, n-most):n]...)
		end = end[:copy(end, end[max(0, len(end)-most):])]
		if err == io.EOF {
			r.Rows += rows
			return nextPath(end)
		}
		if err != nil {
			return "", err
		}
	}
}

// nextPath finds the link at the end of a page. Its host is the configured one, which nobody listens at.
func nextPath(end []byte) (string, error) {
	_, link, ok := bytes.Cut(end, []byte(`"@odata.nextLink":"`))
	if !ok {
		return "", nil
	}
	link, _, _ = bytes.Cut(link, []byte(`"`))
	u, err := url.Parse(string(link))
	if err != nil {
		return "", err
	}
	return u.RequestURI(), nil
}
