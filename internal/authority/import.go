package authority

import (
	"context"
	"crypto/subtle"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/legacy"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
)

// Import is a file of tokens that were issued elsewhere.
type Import struct {
	Lines    iter.Seq2[legacy.Line, error]
	DryRun   bool                  // say what would become of each line, and change nothing
	Stops    time.Time             // when legacy tokens stop; zero: as was set before
	HMACKey  token.Secret          // of lines with hmac_sha256
	AllowRaw bool                  // take secrets in clear, which are hashed at once
	Report   func(Imported)        // is told of each line, in order, once it is decided for good; nil for none
	Progress func(ImportedSummary) // is told after every chunk; nil for none
}

// Outcome is what became of a line.
type Outcome string

// The outcomes.
const (
	LineImported Outcome = "imported" // in a dry run: would be
	LineKnown    Outcome = "known"    // it was imported before
	LineRefused  Outcome = "refused"
)

// RawRefused is why a secret in clear is refused where none is allowed.
const RawRefused = "This is a secret in clear. Send its SHA-256, or allow secrets in clear."

// Imported is what became of one line.
type Imported struct {
	Line    int
	Outcome Outcome
	Problem string // why it was refused
}

// ImportedSummary counts what became of the lines.
type ImportedSummary struct {
	Imported, Known, Refused int
	Stops                    time.Time
}

// importChunk is how many lines share a transaction: enough that pages of the hashes' index are written a few
// times and not for every line, few enough that others wait for less than a second.
const importChunk = 5000

// ImportTokens imports tokens that were issued elsewhere. Each line succeeds or is refused by itself, and one
// that was imported before changes nothing: an import that was cut off is simply begun again. Each token is
// audited. Administrators, and the command line; a session needs a recent sign-in, and a caller with a token
// imports nothing that outlives or exceeds it. Errors: invalid (no day is set on which they stop, or the
// file can't be read on; what was imported until then stays).
func (a *Authority) ImportTokens(ctx context.Context, by token.Identity, ws string, in Import) (ImportedSummary, error) {
	m := importing{Authority: a, by: by, ws: ws, Import: in, seen: map[token.Hash]string{}}
	if err := m.begin(ctx); err != nil {
		return ImportedSummary{}, err
	}
	chunk := make([]legacy.Line, 0, importChunk)
	for l, err := range in.Lines {
		if err != nil {
			err = fault.New(fault.Invalid, api.CodeInvalid, "The file can't be read: "+err.Error()+".").On("file")
			return m.sum, errors.Join(err, m.chunk(ctx, chunk))
		}
		if chunk = append(chunk, l); len(chunk) == importChunk {
			if err := m.chunk(ctx, chunk); err != nil {
				return m.sum, err
			}
			chunk = chunk[:0]
		}
	}
	return m.sum, m.chunk(ctx, chunk)
}

// importing is an import on its way.
type importing struct {
	*Authority
	Import
	by   token.Identity
	ws   string
	hmac token.Scheme // of lines with hmac_sha256; "" where no key was given
	sum  ImportedSummary
	seen map[token.Hash]string // in a dry run, what would be known by now, by workspace
}

// alone enters as an administrator, or as the command line, while nobody changes who is a member.
func (m *importing) alone(tx *store.Tx) (scene, error) {
	if m.by.System == "" {
		return m.administerAlone(tx, m.by, m.ws)
	}
	w, err := tx.Workspace(m.ws)
	if errors.Is(err, store.ErrNotFound) {
		return scene{}, fault.New(fault.NotFound, api.CodeNotFound, "There is no such workspace.")
	}
	if err != nil {
		return scene{}, err
	}
	r, err := m.rulesOf(tx, w)
	return scene{Workspace: w, role: token.Administrator, policy: r.policy, all: r.all, by: m.by}, errors.Join(err, tx.TakeWorkspaceTurn(w.ID))
}

// transaction runs fn in one that is undone in a dry run.
func (m *importing) transaction(ctx context.Context, fn func(*store.Tx, *scene) error, after func(workspaceID string)) error {
	undone := errors.New("dry run")
	var in string
	err := m.update(ctx, func(tx *store.Tx) error {
		s, err := m.alone(tx)
		if err != nil {
			return err
		}
		in = s.ID
		if err := fn(tx, &s); err != nil {
			return err
		}
		if m.DryRun {
			return undone
		}
		return nil
	}, func() {
		if !m.DryRun {
			after(in)
		}
	})
	if errors.Is(err, undone) {
		return nil
	}
	return err
}

// begin settles what holds for all lines.
func (m *importing) begin(ctx context.Context) error {
	return m.transaction(ctx, func(tx *store.Tx, s *scene) error {
		if !m.DryRun {
			if err := m.maySeeSecrets(m.by); err != nil {
				return err
			}
		}
		if !m.Stops.IsZero() {
			if err := s.setLegacyStop(tx, m.Stops); err != nil {
				return err
			}
		}
		var err error
		if m.sum.Stops, err = tx.LegacyStop(s.ID); err != nil {
			return err
		}
		if !m.sum.Stops.After(tx.Now) {
			return fault.New(fault.Invalid, api.CodeInvalid, "Say on which day imported tokens stop. It must be ahead.").On("stops_at")
		}
		m.hmac = ""
		if m.HMACKey.Reveal() == "" {
			return nil
		}
		m.hmac, err = m.legacyKey(tx, s.ID)
		return err
	}, m.legacyChanged)
}

// legacyKey returns the scheme of the key that was given. One that was given before is kept once.
func (m *importing) legacyKey(tx *store.Tx, workspaceID string) (token.Scheme, error) {
	key := []byte(m.HMACKey.Reveal())
	kept, err := tx.LegacyKeys(workspaceID)
	if err != nil {
		return "", err
	}
	for _, k := range kept {
		clear, err := m.box.Open(k.Sealed, k.ID)
		if err != nil {
			return "", err
		}
		if subtle.ConstantTimeCompare(clear, key) == 1 {
			return token.SchemeHMAC + token.Scheme(":"+k.ID), nil
		}
	}
	k := store.LegacyKey{ID: token.NewID(token.KeyID, tx.Now), WorkspaceID: workspaceID, CreatedAt: tx.Now}
	if k.Sealed, err = m.box.Seal(key, k.ID); err != nil {
		return "", err
	}
	return token.SchemeHMAC + token.Scheme(":"+k.ID), tx.AddLegacyKey(k)
}

// chunk imports some lines in one transaction.
func (m *importing) chunk(ctx context.Context, lines []legacy.Line) error {
	if len(lines) == 0 {
		return nil
	}
	var done []Imported
	var tokens []store.NewToken
	err := m.transaction(ctx, func(tx *store.Tx, s *scene) error {
		c := importedChunk{importing: m, scene: s, tx: tx, owners: map[string]importedOwner{}}
		err := c.decide(lines)
		done, tokens = c.done, c.tokens
		if err != nil || len(tokens) == 0 {
			return err
		}
		return errors.Join(tx.AddTokens(tokens), tx.AddEvents(c.events))
	}, func(workspaceID string) {
		for i := range tokens {
			m.checks.TokenMade(tokens[i].Hash)
		}
		m.checks.LegacyChanged(workspaceID)
	})
	if err != nil {
		return err
	}
	if m.DryRun {
		for i := range tokens {
			m.seen[tokens[i].Hash] = tokens[i].Token.WorkspaceID
		}
	}
	for _, d := range done {
		switch d.Outcome {
		case LineImported:
			m.sum.Imported++
		case LineKnown:
			m.sum.Known++
		case LineRefused:
			m.sum.Refused++
		}
		if m.Report != nil {
			m.Report(d)
		}
	}
	if m.Progress != nil {
		m.Progress(m.sum)
	}
	return nil
}

// importedChunk is what a chunk's transaction decides.
type importedChunk struct {
	*importing
	scene  *scene
	tx     *store.Tx
	owners map[string]importedOwner // by address, as the lines have it
	done   []Imported
	tokens []store.NewToken
	events []audit.Event
}

type importedOwner struct {
	token.Person
	role token.Role // "" for who is no member
}

// decide decides each line.
func (c *importedChunk) decide(lines []legacy.Line) error {
	hashes := make([]token.Hash, len(lines))
	var ask []token.Hash
	for i := range lines {
		if l := &lines[i]; c.refusal(l) == "" {
			hashes[i] = c.keptOf(l)
			ask = append(ask, hashes[i])
		}
	}
	known := map[token.Hash]string{}
	for part := range slices.Chunk(ask, 1000) {
		kept, err := c.tx.KnownHashes(part)
		if err != nil {
			return err
		}
		maps.Copy(known, kept)
		for _, h := range part {
			if in, ok := c.seen[h]; ok {
				known[h] = in
			}
		}
	}
	var err error
	for i := range lines {
		l := &lines[i]
		d := Imported{Line: l.Number, Outcome: LineRefused, Problem: c.refusal(l)}
		if d.Problem == "" {
			if d.Outcome, d.Problem, err = c.one(l, hashes[i], known); err != nil {
				return err
			}
		}
		c.done = append(c.done, d)
	}
	return nil
}

// refusal is why a line is refused whatever the database says.
func (c *importedChunk) refusal(l *legacy.Line) string {
	switch {
	case l.Problem != "":
		return l.Problem
	case l.Raw() && !c.AllowRaw:
		return RawRefused
	case l.Scheme == token.SchemeHMAC && c.hmac == "":
		return "The key of hmac_sha256 is missing: give it with the import."
	case !l.ExpiresAt.IsZero() && !l.ExpiresAt.After(c.tx.Now):
		return "This token has expired: it would not work."
	case l.CreatedAt.After(c.tx.Now):
		return "created_at is in the future."
	}
	if _, problem := token.CleanText(l.Name, 0, 100); problem != "" {
		return "name: " + problem
	}
	if _, problem := token.CleanText(l.Description, 0, 300); problem != "" {
		return "description: " + problem
	}
	return ""
}

// keptOf returns the hash under which a line's token is kept.
func (c *importedChunk) keptOf(l *legacy.Line) token.Hash {
	if l.Raw() {
		return l.Secret.Hash()
	}
	return c.schemeOf(l).Kept(l.Digest)
}

func (c *importedChunk) schemeOf(l *legacy.Line) token.Scheme {
	if l.Scheme == token.SchemeHMAC {
		return c.hmac
	}
	return l.Scheme
}

// one decides a line that can be read. A token that is known in another workspace can't be told from one
// that nobody may import.
func (c *importedChunk) one(l *legacy.Line, hash token.Hash, known map[token.Hash]string) (Outcome, string, error) {
	if in, ok := known[hash]; ok {
		if in == c.scene.ID {
			return LineKnown, "", nil
		}
		return LineRefused, "This token can't be imported.", nil
	}
	owner, err := c.owner(l.Owner)
	if err != nil {
		return "", "", err
	}
	if owner.role == "" {
		return LineRefused, "Its owner is no member of this workspace. Add them first.", nil
	}
	for _, name := range l.Scopes {
		entry, ok := c.scene.all.Find(name)
		switch {
		case !ok || token.IsReserved(name):
			return LineRefused, "This workspace has no such scope. Add it to the list of scopes first.", nil
		case !c.scene.all.Effective(token.Scopes{name}, owner.role).Has(token.Scopes{name}):
			return LineRefused, "The owner's role can't hold the scope " + entry.Title + ".", nil
		}
	}
	t := token.Token{
		ID: token.NewID(token.TokenID, c.tx.Now), WorkspaceID: c.scene.ID, Owner: owner.Person, Name: l.Name, Description: l.Description,
		AllScopes: l.Scopes == nil, Scopes: c.scene.all.Effective(l.Scopes, owner.role), Scheme: c.schemeOf(l),
		CreatedAt: l.CreatedAt, ExpiresAt: c.sum.Stops, OriginalExpiry: l.ExpiresAt,
	}
	if l.Raw() {
		t.Hint = l.Secret.ForeignHint()
	}
	if t.CreatedAt.IsZero() {
		t.CreatedAt = c.tx.Now
	}
	if !l.ExpiresAt.IsZero() && l.ExpiresAt.Before(t.ExpiresAt) {
		t.ExpiresAt = l.ExpiresAt
	}
	terms := token.Terms{Scopes: t.Scopes, ExpiresAt: t.ExpiresAt}
	if t.AllScopes {
		terms.Scopes = c.scene.all.Held(owner.role)
	}
	if err := c.scene.withinBearer(terms); err != nil {
		return LineRefused, fault.From(err).Detail, nil
	}
	known[hash] = c.scene.ID // a later line may say the same
	e := c.scene.tokenEvent(c.tx, audit.TokensImported, &t)
	e.Detail.After = described(&t)
	c.tokens, c.events = append(c.tokens, store.NewToken{Token: t, Hash: hash}), append(c.events, e)
	return LineImported, "", nil
}

// owner finds a member by their address.
func (c *importedChunk) owner(address string) (importedOwner, error) {
	o, ok := c.owners[address]
	if ok {
		return o, nil
	}
	email, problem := token.CleanEmail(address)
	if problem != "" {
		return o, nil
	}
	u, err := c.tx.UserByEmail(email)
	if err == nil {
		var m store.Member
		if m, err = c.tx.Member(c.scene.ID, u.ID); err == nil {
			o = importedOwner{u.Person, m.Role}
		}
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return o, err
	}
	c.owners[address] = o
	return o, nil
}
