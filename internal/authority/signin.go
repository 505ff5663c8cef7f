package authority

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"
	"unicode"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/fault"
	"github.com/keywright/keywright/internal/store"
	"github.com/keywright/keywright/internal/token"
	"github.com/keywright/keywright/internal/verify"
)

const (
	// SessionIdle ends a session that was not used for so long; SessionMax ends every session.
	SessionIdle = 12 * time.Hour
	SessionMax  = 7 * 24 * time.Hour

	sessionSecret = 43 // base62 characters: 256 bits
	linkSecret    = 43
	setupSecret   = 20

	invitationLife = 7 * 24 * time.Hour
	resetLife      = 24 * time.Hour
	setupLife      = time.Hour
)

// Purposes of one-time links.
const (
	forInvitation = "invitation"
	forReset      = "reset"
)

// SignIn checks a password and begins a session. An unknown account and a wrong password cost the same
// work and get the same answer, wrong_credentials. After 10 failures of one account from one address in
// 15 minutes: throttled.
func (a *Authority) SignIn(ctx context.Context, email, password string, from token.Origin) (token.Secret, token.Identity, error) {
	from = cleanOrigin(from)
	clean, problem := token.CleanEmail(email)
	if problem != "" {
		clean = "" // nobody's address; the work is done all the same
	}
	p := pair{email: clean, address: from.Address}
	var user store.User
	good, err := a.attempt(ctx, p, password, func(tx *store.Tx) (store.User, error) {
		var err error
		user, err = tx.UserByEmail(clean)
		if errors.Is(err, store.ErrNotFound) {
			user, err = store.User{}, nil
		}
		return user, err
	})
	if err != nil {
		return token.Secret{}, token.Identity{}, err
	}
	if !good {
		// Written for an unknown account too: the time of an answer must not tell whether it exists.
		err := a.update(ctx, func(tx *store.Tx) error {
			e := event(tx, token.Identity{Origin: from}, audit.SignInFailed)
			e.TargetKind, e.TargetID, e.OwnerID = "user", user.ID, user.ID
			return tx.AddEvent(e)
		}, nil)
		if err != nil {
			return token.Secret{}, token.Identity{}, err
		}
		return token.Secret{}, token.Identity{}, wrongCredentials()
	}
	return a.beginSession(ctx, user, from)
}

// attempt checks a person's password, throttled.
func (a *Authority) attempt(ctx context.Context, p pair, password string, whose func(*store.Tx) (store.User, error)) (good bool, err error) {
	end, err := a.attempts.begin(ctx, p, a.now())
	if err != nil {
		return false, err
	}
	result := undecided
	defer func() { end(result) }()
	var user store.User
	err = a.view(ctx, func(tx *store.Tx) (err error) { user, err = whose(tx); return err })
	if err != nil {
		return false, err
	}
	if good, err = a.hasher.matches(ctx, password, user.PasswordHash); err != nil {
		return false, err
	}
	result = wrong
	if good {
		result = right
	}
	return good, nil
}

func wrongCredentials() error {
	return fault.New(fault.Unauthenticated, api.CodeWrongCredentials, "The e-mail address or the password is wrong.")
}

// beginSession signs a person in whose password was just proven, unless it was changed since.
func (a *Authority) beginSession(ctx context.Context, user store.User, from token.Origin) (token.Secret, token.Identity, error) {
	secret := token.RandomText(sessionSecret)
	var by token.Identity
	err := a.update(ctx, func(tx *store.Tx) error {
		s := store.Session{
			ID: token.NewID(token.SessionID, tx.Now), User: user, CreatedAt: tx.Now, SignedInAt: tx.Now, SeenAt: tx.Now,
			Address: from.Address, UserAgent: from.UserAgent,
		}
		by = identity(s, from)
		if err := tx.HoldPassword(user.ID, user.PasswordHash); errors.Is(err, store.ErrNotFound) {
			return wrongCredentials()
		} else if err != nil {
			return err
		}
		if err := tx.AddSession(s, secret.Hash()); err != nil {
			return err
		}
		return tx.AddEvent(userEvent(tx, by, audit.SignedIn, user))
	}, nil)
	if err != nil {
		return token.Secret{}, token.Identity{}, err
	}
	return secret, by, nil
}

func identity(s store.Session, from token.Origin) token.Identity {
	return token.Identity{
		User: s.User.Person, InstallationAdmin: s.User.InstallationAdmin, SessionID: s.ID, SignedInAt: s.SignedInAt, Origin: from,
	}
}

func userEvent(tx *store.Tx, by token.Identity, action audit.Action, about store.User) audit.Event {
	e := event(tx, by, action)
	e.TargetKind, e.TargetID, e.TargetName, e.OwnerID = "user", about.ID, about.Name, about.ID
	return e
}

// Session returns who a session cookie stands for; sign_in_required when it is unknown or over.
func (a *Authority) Session(ctx context.Context, secret token.Secret, from token.Origin) (token.Identity, error) {
	var s store.Session
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		s, err = tx.SessionByHash(secret.Hash(), tx.Now.Add(-SessionIdle), tx.Now.Add(-SessionMax))
		if errors.Is(err, store.ErrNotFound) {
			return signInRequired()
		}
		return err
	})
	if err != nil {
		return token.Identity{}, err
	}
	if now := a.now(); now.Sub(s.SeenAt) > time.Minute { // not a write for every page
		if err := a.update(ctx, func(tx *store.Tx) error { return tx.TouchSession(s.ID, tx.Now) }, nil); err != nil {
			a.log.WarnContext(ctx, "session could not be touched", slog.Any("error", err))
		}
	}
	return identity(s, cleanOrigin(from)), nil
}

// Bearer returns who presented a token to Keywright's own API: a personal access token, or an access token that
// acts for a person, which may name the resource that is asked for (RFC 8707 section 2) instead of its
// workspace. What the token may do is decided by each verb. Errors: invalid_token when it is not good, as
// a legacy token never is here; scope_missing for what acts for an app, which has nothing to manage.
func (a *Authority) Bearer(ctx context.Context, secret token.Secret, resource string, from token.Origin) (token.Identity, error) {
	from = cleanOrigin(from)
	d, err := a.checks.Check(ctx, secret.Reveal(), verify.Ask{Audience: resource, Address: from.Address, Exempt: from.Proxy})
	if err != nil {
		return token.Identity{}, err
	}
	if d.IsApp() {
		return token.Identity{}, fault.New(fault.Forbidden, api.CodeScopeMissing, "An app can't manage credentials. That takes a person's token with the scope keywright:manage.")
	}
	by := token.Identity{Origin: from, Bearer: &token.Bearer{TokenID: d.TokenID(), WorkspaceID: d.WorkspaceID(), Scopes: d.Scopes(), ExpiresAt: d.ExpiresAt()}}
	err = a.view(ctx, func(tx *store.Tx) error {
		u, err := tx.User(d.OwnerID())
		by.User = u.Person // InstallationAdmin stays false: that takes a session
		return err
	})
	if err != nil {
		return token.Identity{}, err
	}
	return by, nil
}

// SignOut ends the caller's session.
func (a *Authority) SignOut(ctx context.Context, by token.Identity) error {
	if err := needSession(by); err != nil {
		return err
	}
	return a.update(ctx, func(tx *store.Tx) error {
		if err := tx.EndSession(by.SessionID); err != nil {
			return err
		}
		return tx.AddEvent(userEvent(tx, by, audit.SignedOut, store.User{Person: by.User}))
	}, nil)
}

// SignOutEverywhere ends all of the caller's sessions, this one too.
func (a *Authority) SignOutEverywhere(ctx context.Context, by token.Identity) error {
	if err := needSession(by); err != nil {
		return err
	}
	return a.update(ctx, func(tx *store.Tx) error {
		n, err := tx.EndSessions(by.User.ID, "")
		if err != nil {
			return err
		}
		e := userEvent(tx, by, audit.SignedOutAll, store.User{Person: by.User})
		e.Detail.Count = int(n)
		return tx.AddEvent(e)
	}, nil)
}

// ChangePassword sets the caller's password and ends their other sessions. It takes a session and the
// current password; wrong ones are throttled like sign-ins.
func (a *Authority) ChangePassword(ctx context.Context, by token.Identity, current, next string) error {
	if err := needSession(by); err != nil {
		return err
	}
	if err := checkPassword("new", next, by.User.Email); err != nil {
		return err
	}
	var user store.User
	good, err := a.attempt(ctx, pair{email: by.User.Email, address: by.Origin.Address}, current, func(tx *store.Tx) (store.User, error) {
		var err error
		user, err = tx.User(by.User.ID)
		return user, err
	})
	if err != nil {
		return err
	}
	if !good {
		return notThePassword()
	}
	hash, err := a.hasher.hash(ctx, next)
	if err != nil {
		return err
	}
	return a.update(ctx, func(tx *store.Tx) error {
		// Two changes at once: the second gave what is the current password no longer.
		if err := tx.HoldPassword(user.ID, user.PasswordHash); errors.Is(err, store.ErrNotFound) {
			return notThePassword()
		} else if err != nil {
			return err
		}
		return a.replacePassword(tx, by, user, change{hash: hash, keep: by.SessionID, action: audit.PasswordChanged})
	}, nil)
}

func notThePassword() error {
	return fault.New(fault.Invalid, api.CodeWrongCredentials, "This is not your current password.").On("current")
}

// change is how a password is replaced.
type change struct {
	hash   string
	keep   string // the session that goes on
	action audit.Action
}

// replacePassword sets a password and ends every other way in that the old one or a link had opened.
func (a *Authority) replacePassword(tx *store.Tx, by token.Identity, user store.User, c change) error {
	if err := tx.SetPassword(user.ID, c.hash); err != nil {
		return err
	}
	if err := tx.DropLinks(user.ID); err != nil {
		return err
	}
	if _, err := tx.EndSessions(user.ID, c.keep); err != nil {
		return err
	}
	return tx.AddEvent(userEvent(tx, by, c.action, user))
}

// Profile is who the caller is, and where.
type Profile struct {
	User       store.User
	Workspaces []store.Membership
}

// Me returns the caller's profile. A token sees its own workspace only.
func (a *Authority) Me(ctx context.Context, by token.Identity) (Profile, error) {
	var p Profile
	if err := needCaller(by); err != nil {
		return p, err
	}
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		if p.User, err = tx.User(by.User.ID); err != nil {
			return err
		}
		all, err := tx.Memberships(by.User.ID)
		for _, m := range all {
			if by.Bearer == nil || by.Bearer.WorkspaceID == m.ID {
				p.Workspaces = append(p.Workspaces, m)
			}
		}
		return err
	})
	return p, err
}

// LinkOwner returns whom a one-time link is for, without using it up; link_invalid when it is unknown,
// used or too old.
func (a *Authority) LinkOwner(ctx context.Context, link token.Secret) (token.Person, error) {
	var u store.User
	err := a.view(ctx, func(tx *store.Tx) (err error) {
		u, _, err = tx.Link(link.Hash())
		return linkFault(err)
	})
	if err != nil {
		return token.Person{}, err
	}
	return u.Person, nil
}

func linkFault(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fault.New(fault.NotFound, api.CodeLinkInvalid, "This link has been used or is too old. Ask for a new one.")
	}
	return err
}

// RedeemLink sets the password of the person that a one-time link is for, ends their sessions and begins
// one.
func (a *Authority) RedeemLink(ctx context.Context, link token.Secret, password string, from token.Origin) (token.Secret, token.Identity, error) {
	from = cleanOrigin(from)
	owner, err := a.LinkOwner(ctx, link)
	if err != nil {
		return token.Secret{}, token.Identity{}, err
	}
	if err := checkPassword("password", password, owner.Email); err != nil {
		return token.Secret{}, token.Identity{}, err
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return token.Secret{}, token.Identity{}, err
	}
	var user store.User
	err = a.update(ctx, func(tx *store.Tx) (err error) {
		if user, _, err = tx.Link(link.Hash()); err != nil {
			return linkFault(err)
		}
		if err := tx.UseLink(link.Hash()); err != nil {
			return linkFault(err)
		}
		return a.replacePassword(tx, token.Identity{User: user.Person, Origin: from}, user, change{hash: hash, action: audit.LinkUsed})
	}, nil)
	if err != nil {
		return token.Secret{}, token.Identity{}, err
	}
	user.PasswordHash = hash
	return a.beginSession(ctx, user, from)
}

// ResetPassword makes a one-time link for a person, good for a day. It is for the command line alone:
// whoever runs it has the database.
func (a *Authority) ResetPassword(ctx context.Context, by token.Identity, email string) (token.Secret, error) {
	if by.System == "" {
		return token.Secret{}, roleNotAllowed()
	}
	email, problem := token.CleanEmail(email)
	if problem != "" {
		return token.Secret{}, fault.New(fault.Invalid, api.CodeInvalid, problem).On("email")
	}
	link := token.RandomText(linkSecret)
	err := a.update(ctx, func(tx *store.Tx) error {
		u, err := tx.UserByEmail(email)
		if errors.Is(err, store.ErrNotFound) {
			return noAccount()
		}
		if err != nil {
			return err
		}
		if err := tx.AddLink(u.ID, forReset, link.Hash(), tx.Now.Add(resetLife)); err != nil {
			return err
		}
		return tx.AddEvent(userEvent(tx, by, audit.LinkMade, u))
	}, nil)
	if err != nil {
		return token.Secret{}, err
	}
	return link, nil
}

// SetPassword sets a person's password as it is given, and ends their sessions. It is for the command
// line alone, which answers for the password's strength.
func (a *Authority) SetPassword(ctx context.Context, by token.Identity, email, password string) error {
	if by.System == "" {
		return roleNotAllowed()
	}
	email, problem := token.CleanEmail(email)
	if problem != "" {
		return fault.New(fault.Invalid, api.CodeInvalid, problem).On("email")
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return a.update(ctx, func(tx *store.Tx) error {
		u, err := tx.UserByEmail(email)
		if errors.Is(err, store.ErrNotFound) {
			return noAccount()
		}
		if err != nil {
			return err
		}
		return a.replacePassword(tx, by, u, change{hash: hash, action: audit.PasswordChanged})
	}, nil)
}

func noAccount() error {
	return fault.New(fault.NotFound, api.CodeNotFound, "There is no account with this e-mail address.")
}

// OpenSetUp returns the one-time code for making the first account, good for an hour; false when there
// is an account already.
func (a *Authority) OpenSetUp(ctx context.Context) (code token.Secret, open bool, err error) {
	open, err = a.NeedsSetUp(ctx)
	if err != nil || !open {
		return token.Secret{}, false, err
	}
	code = token.RandomText(setupSecret)
	a.setup.open(code, a.now().Add(setupLife))
	return code, true, nil
}

// NeedsSetUp reports whether nobody has an account yet.
func (a *Authority) NeedsSetUp(ctx context.Context) (bool, error) {
	var has bool
	err := a.view(ctx, func(tx *store.Tx) (err error) { has, err = tx.HasUsers(); return err })
	return !has, err
}

// FirstAccount is what the first administrator types.
type FirstAccount struct {
	Code     string
	Email    string
	Name     string
	Password string
}

// SetUp makes the first account, an installation administrator, against the code of OpenSetUp.
func (a *Authority) SetUp(ctx context.Context, f FirstAccount, from token.Origin) (token.Secret, token.Identity, error) {
	from = cleanOrigin(from)
	var user store.User
	err := a.setup.use(f.Code, a.now(), func() (err error) {
		user, err = a.addFirst(ctx, f, from)
		return err
	})
	if err != nil {
		return token.Secret{}, token.Identity{}, err
	}
	return a.beginSession(ctx, user, from)
}

func (a *Authority) addFirst(ctx context.Context, f FirstAccount, from token.Origin) (store.User, error) {
	var user store.User
	var bad []fault.Field
	user.Email, bad = cleanField(bad, "email", f.Email, token.CleanEmail)
	user.Name, bad = cleanField(bad, "name", f.Name, func(s string) (string, string) { return token.CleanText(s, 1, 100) })
	if err := checkPassword("password", f.Password, user.Email); err != nil {
		bad = append(bad, fault.From(err).Fields...)
	}
	if err := fault.Invalids(bad); err != nil {
		return user, err
	}
	var err error
	if user.PasswordHash, err = a.hasher.hash(ctx, f.Password); err != nil {
		return user, err
	}
	user.InstallationAdmin = true
	return user, a.update(ctx, func(tx *store.Tx) error {
		if has, err := tx.HasUsers(); err != nil {
			return err
		} else if has {
			return fault.New(fault.Conflict, api.CodeLinkInvalid, "This installation is set up already. Sign in.")
		}
		user.ID, user.CreatedAt = token.NewID(token.UserID, tx.Now), tx.Now
		if err := tx.AddUser(user); err != nil {
			return err
		}
		// Workspaces that the command line made before there was anybody.
		waiting, err := tx.Workspaces()
		if err != nil {
			return err
		}
		for _, w := range waiting {
			if err := tx.AddMember(w.ID, user.ID, token.Administrator); err != nil {
				return err
			}
		}
		return tx.AddEvent(userEvent(tx, token.Identity{User: user.Person, Origin: from}, audit.InstallationSetUp, user))
	}, nil)
}

func cleanField(bad []fault.Field, name, value string, clean func(string) (string, string)) (string, []fault.Field) {
	v, problem := clean(value)
	if problem != "" {
		bad = append(bad, fault.Field{Name: name, Code: api.CodeInvalid, Detail: problem})
	}
	return v, bad
}

// cleanOrigin makes what a client says of itself fit to be kept and shown.
func cleanOrigin(o token.Origin) token.Origin {
	o.UserAgent, o.RequestID = printable(o.UserAgent, 300), printable(o.RequestID, 100)
	o.Address = cleanAddress(o.Address)
	return o
}

func cleanAddress(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// printable drops what can't be seen or turns the text around, and what is too much. An invalid byte
// becomes U+FFFD.
func printable(s string, most int) string {
	clean := make([]rune, 0, min(len(s), most))
	for _, r := range s {
		if len(clean) == most {
			break
		}
		if unicode.IsPrint(r) {
			clean = append(clean, r)
		}
	}
	return string(clean)
}

// Sweep removes what is over, in steps between which others get their turn. The server calls it now and then.
func (a *Authority) Sweep(ctx context.Context) error {
	return a.inSteps(ctx, func(tx *store.Tx) (bool, error) { return tx.Sweep(tx.Now.Add(-SessionIdle), tx.Now.Add(-SessionMax)) })
}

// EraseForgiven forgets the refresh tokens that were kept for who lost an answer, once nobody is forgiven any
// more. The server calls it every half minute.
func (a *Authority) EraseForgiven(ctx context.Context) error {
	return a.inSteps(ctx, func(tx *store.Tx) (bool, error) { return tx.EraseSuccessorsBefore(tx.Now.Add(-forgiveness)) })
}

// inSteps repeats a transaction until there is no more to do.
func (a *Authority) inSteps(ctx context.Context, step func(*store.Tx) (more bool, err error)) error {
	for {
		var more bool
		err := a.update(ctx, func(tx *store.Tx) (err error) { more, err = step(tx); return err }, nil)
		if err != nil || !more {
			return err
		}
	}
}
