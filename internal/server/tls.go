package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// keyPair is a certificate that is read again when its file changes, so that a renewed one is used
// without a restart.
type keyPair struct {
	cert, key string

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed time.Time
}

func newKeyPair(cert, key string) (*keyPair, error) {
	p := &keyPair{cert: cert, key: key}
	_, err := p.get(nil)
	return p, err
}

func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	info, err := os.Stat(p.cert)
	if err == nil && p.loaded != nil && info.ModTime().Equal(p.changed) {
		return p.loaded, nil
	}
	pair, lerr := tls.LoadX509KeyPair(p.cert, p.key)
	if lerr != nil {
		if p.loaded != nil {
			return p.loaded, nil // half-written: the one in use is still good
		}
		return nil, fmt.Errorf("TLS certificate: %w", lerr)
	}
	p.loaded = &pair
	if err == nil {
		p.changed = info.ModTime()
	}
	return p.loaded, nil
}
