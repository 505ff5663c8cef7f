package ui

import (
	"net/http"

	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

// keysPage is the keys with which the workspace signs access tokens.
type keysPage struct {
	Rows         []keyRow
	Path, Policy string
	Issuer, JWKS string
	Algorithm    token.Algorithm
	Days         string
	Why          string // why another key can't be made now; "" when it can
}

type keyRow struct {
	ID            string
	Algorithm     token.Algorithm
	State, Status string // in words, and as the dot shows it
	Before        string // words before When
	When          moment
	Created       moment
	Old           bool
}

func (v *visit) keys() error { return v.showKeys(0, "", nil) }

func (v *visit) showKeys(status int, dialog string, ask any) error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	list, err := v.authority.SigningKeys(v.r.Context(), v.by, v.in.Slug)
	if err != nil {
		return err
	}
	rule := v.in.Policy.Signing
	rule.Clean()
	issuer := v.kit.URL("/w/" + v.in.Slug)
	d := keysPage{
		Path: v.at("admin", "keys"), Policy: v.at("admin", "policy"), Issuer: issuer, JWKS: issuer + "/jwks.json",
		Algorithm: rule.Algorithm, Days: count(rule.RotateDays, "day"),
	}
	for i := range list {
		state := v.authority.StateOf(list, list[i].ID)
		if state == authority.KeyNext {
			d.Why = "A new key waits already: it signs " + relative(list[i].SignsFrom, v.now) + "."
		}
		d.Rows = append(d.Rows, v.keyRow(&list[i], state))
	}
	notes := map[string]string{
		"rotated":  "A new key is made. Services can find it now, and it signs as soon as they have had the time to.",
		"replaced": "The keys are replaced. Access tokens that the old ones signed have stopped working.",
	}
	return v.show(page{
		title: "Signing keys", name: "keys", data: d, here: "keys", crumbs: []string{"Administration", "Signing keys"}, note: v.noteOf(notes),
		dialog: dialog, ask: ask, status: status,
	})
}

func (v *visit) keyRow(k *authority.SigningKey, state authority.KeyState) keyRow {
	r := keyRow{ID: k.ID, Algorithm: k.Algorithm, Created: v.day(k.CreatedAt)}
	switch state {
	case authority.KeyNext:
		r.State, r.Status, r.Before, r.When = "Published", "expired", "Signs", v.moment(k.SignsFrom, relative(k.SignsFrom, v.now))
	case authority.KeySigning:
		r.State, r.Status = "Signs now", "active"
	default:
		r.State, r.Status, r.Old = "Signs no longer", "revoked", true
		if !k.PublishedUntil.IsZero() {
			r.Before, r.When = "Published until the last token that it signed has expired,", v.moment(k.PublishedUntil, relative(k.PublishedUntil, v.now))
		}
	}
	return r
}

// newestKey is the id of the newest key: a form says which it saw, so that sent again it makes no other.
func (v *visit) newestKey() (string, error) {
	list, err := v.authority.SigningKeys(v.r.Context(), v.by, v.in.Slug)
	if err != nil || len(list) == 0 {
		return "none", err
	}
	return list[0].ID, nil
}

func (v *visit) askKeys(c confirmation) error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	var err error
	if c.Seen, err = v.newestKey(); err != nil {
		return err
	}
	c.Path, c.Cancel = v.r.URL.Path, v.at("admin", "keys")
	return v.showKeys(0, "confirm", c)
}

func (v *visit) rotateKeys() error {
	return v.askKeys(confirmation{
		Title: "Rotate the signing key", Button: "Rotate",
		Body: []string{
			"A new key is made. It is published now and signs a quarter of an hour later, when every service has had the time to find it.",
			"The old key stays published until the last access token that it signed has expired. Nothing stops working.",
		},
	})
}

func (v *visit) replaceKeys() error {
	return v.askKeys(confirmation{
		Title: "Replace the keys at once", Button: "Replace at once", Danger: true,
		Body: []string{
			"For a key that somebody may have copied. All keys are removed, and a new one signs from now on.",
			"Every access token of this workspace stops working. Programs ask for new ones; personal access tokens, client secrets and refresh tokens stay as they are.",
			"A service that checks tokens by itself notices when it fetches the keys again, within about five minutes.",
		},
	})
}

func (v *visit) rotateKeysSent() error { return v.sendKeys(false, "rotated") }

func (v *visit) replaceKeysSent() error { return v.sendKeys(true, "replaced") }

func (v *visit) sendKeys(atOnce bool, done string) error {
	if err := v.needAdministrator(); err != nil {
		return err
	}
	newest, err := v.newestKey()
	if err != nil {
		return err
	}
	if v.form("seen") != newest {
		return v.showKeys(http.StatusConflict, "already", map[string]any{
			"Close": v.at("admin", "keys"), "Words": token.Labels{CreateTitle: "Signing keys"}, "Text": "A new key was made since this page was opened. Look at the list before you make another one.",
		})
	}
	if _, err := v.authority.RotateKeys(v.r.Context(), v.by, v.in.Slug, atOnce); err != nil {
		return err
	}
	return v.goTo(v.at("admin", "keys") + "?done=" + done)
}
