package ui

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/keywright/keywright/internal/audit"
	"github.com/keywright/keywright/internal/authority"
	"github.com/keywright/keywright/internal/token"
)

// eventDay is the events of one day.
type eventDay struct {
	Day    string
	Events []eventLine
}

// eventLine is an event as a sentence: "Ana regenerated Power BI from 203.0.113.7".
type eventLine struct {
	Icon                string
	Actor, Verb, Object string
	Tail                string
	At                  moment
	Facts               []fact
	ID                  string
}

type fact struct{ Name, Value string }

func (v *visit) timeline(events []audit.Event) []eventDay {
	var out []eventDay
	for i := range events {
		day := events[i].At.UTC().Format("Monday, 2 January 2006")
		if len(out) == 0 || out[len(out)-1].Day != day {
			out = append(out, eventDay{Day: day})
		}
		last := &out[len(out)-1]
		last.Events = append(last.Events, v.eventLine(&events[i]))
	}
	return out
}

func (v *visit) eventLine(e *audit.Event) eventLine {
	l := eventLine{ID: e.ID, Actor: e.ActorName, Object: e.TargetName, At: v.moment(e.At, e.At.UTC().Format("15:04"))}
	if l.Actor == "" {
		l.Actor = "Somebody"
	}
	if e.Via == "command line" {
		l.Actor = "The command line"
	}
	var icon, tail string
	icon, l.Verb, tail = eventWords(e)
	if slices.Contains([]string{"policy", "scopes", "access_token", "signing_key"}, e.TargetKind) || e.Action == audit.AllTokensViewed || e.Action == audit.LegacyStopSet || e.TargetKind == "user" && e.TargetID == e.ActorID {
		l.Object = ""
	}
	l.Icon = icon
	if tail != "" {
		l.Tail = " " + tail
	}
	if e.Address.IsValid() {
		l.Tail += " from " + e.Address.String()
	}
	l.Facts = facts(e)
	return l
}

// eventWords says an action: with an icon, the words before the object and those after it.
func eventWords(e *audit.Event) (icon, verb, tail string) {
	role := func(m map[string]any) string { return strings.ToLower(roleName(token.Role(fmt.Sprint(m["role"])))) }
	switch e.Action {
	case audit.SignedIn:
		return "user", "signed in", ""
	case audit.SignInFailed:
		return "warn", "failed to sign in", ""
	case audit.SignedOut:
		return "out", "signed out", ""
	case audit.SignedOutAll:
		return "out", "signed out everywhere", ""
	case audit.PasswordChanged:
		return "lock", "changed the password", ""
	case audit.LinkMade:
		return "mail", "made a one-time link for", ""
	case audit.LinkUsed:
		return "mail", "chose a password with a one-time link", ""
	case audit.InstallationSetUp:
		return "building", "set up the installation", ""
	case audit.InstallationAdmin:
		return "shield", "changed whether this person administrates the installation:", ""
	case audit.SealedForgotten:
		return "lock", "made the database forget what a lost keyset had sealed", ""
	case audit.WorkspaceCreated:
		return "building", "created the workspace", ""
	case audit.WorkspaceRenamed:
		return "building", "renamed the workspace", "to " + fmt.Sprint(e.Detail.After["name"])
	case audit.WorkspaceDeleted:
		return "trash", "deleted the workspace", ""
	case audit.MemberAdded:
		return "users", "added", "as " + role(e.Detail.After)
	case audit.MemberRoleChanged:
		return "users", "made", withArticle(role(e.Detail.After)) + " instead of " + role(e.Detail.Before)
	case audit.MemberRemoved:
		return "users", "removed", "from the workspace"
	case audit.PolicyChanged:
		return "shield", "changed the policy", ""
	case audit.ScopesChanged:
		return "tag", "changed the list of scopes", ""
	case audit.AllTokensViewed:
		return "eye", "looked at everyone's tokens", ""
	default:
		return tokenEventWords(e)
	}
}

// withArticle says "an administrator" and "a developer".
func withArticle(noun string) string {
	if noun != "" && strings.ContainsRune("aeiouAEIOU", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

func tokenEventWords(e *audit.Event) (icon, verb, tail string) {
	switch e.Action {
	case audit.TokenCreated:
		return "plus", "created", ""
	case audit.TokenScopesChanged:
		return "edit", "changed the scopes of", ""
	case audit.TokenExpiryCut, audit.OAuthTokenCut:
		return "clock", "cut the expiry of", ""
	case audit.TokenRegenerated:
		return "again", "regenerated", ""
	case audit.TokenRevoked:
		return "stop", "revoked", ""
	case audit.TokenDeleted, audit.OAuthTokenDeleted, audit.AppDeleted:
		return "trash", "deleted", ""
	case audit.AccessRevoked:
		return "stop", "ended one access token", ""
	case audit.TokenExchanged:
		return "refresh", "exchanged a credential", "for a short-lived access token"
	case audit.TokensImported:
		return "plus", "imported", "of an older system"
	case audit.LegacyStopSet:
		return "clock", "set the day on which imported tokens stop", ""
	default:
		return appEventWords(e)
	}
}

// appEventWords are those of apps, OAuth tokens and signing keys.
func appEventWords(e *audit.Event) (icon, verb, tail string) {
	switch e.Action {
	case audit.AppCreated:
		return "plus", "added the app", ""
	case audit.AppChanged:
		return "edit", "changed the app", ""
	case audit.AppDisabled:
		return "stop", "disabled the app", ""
	case audit.AppActivated:
		return "check", "activated the app", ""
	case audit.AppSecretViewed:
		return "eye", "looked at the client secret of", ""
	case audit.AppSecretRotated:
		return "again", "rotated the client secret of", ""
	case audit.AppSecretEnded:
		return "stop", "ended the old client secret of", ""
	case audit.OAuthTokenCreated:
		return "plus", "generated", ""
	case audit.OAuthRefreshed:
		return "refresh", "refreshed", ""
	case audit.OAuthTokenDisabled:
		return "stop", "disabled", ""
	case audit.RefreshReused:
		return "warn", "stopped", "by using an old refresh token"
	case audit.KeyRotated:
		return "sign", "made a new signing key", ""
	case audit.KeyRemoved:
		return "sign", "removed an old signing key", ""
	default:
		return "info", "did " + string(e.Action) + " to", ""
	}
}

// facts are an event's details: what differs between before and after, value by value.
func facts(e *audit.Event) []fact {
	var out []fact
	before, after := map[string]string{}, map[string]string{}
	flatten("", plainValue(e.Detail.Before), before)
	flatten("", plainValue(e.Detail.After), after)
	var names []string
	for name := range before {
		names = append(names, name)
	}
	for name := range after {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		b, had := before[name]
		a, has := after[name]
		switch {
		case had && has && a == b, a == "" && b == "":
		case had && has:
			out = append(out, fact{name, dash(b) + " → " + dash(a)})
		default:
			out = append(out, fact{name, a + b})
		}
	}
	for _, f := range []fact{{"reason", e.Detail.Reason}, {"by", e.Via}, {"program", e.UserAgent}, {"request", e.RequestID}, {"target", e.TargetID}} {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	if e.Detail.Count > 0 {
		out = append(out, fact{"count", fmt.Sprint(e.Detail.Count)})
	}
	return out
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// plainValue is a detail as JSON has it, whatever Go types it was made of.
func plainValue(m map[string]any) any {
	b, err := json.Marshal(m)
	if err != nil {
		return nil
	}
	var out any
	if json.Unmarshal(b, &out) != nil {
		return nil
	}
	return out
}

// flatten writes the leaves of a value under dotted names; a list of plain values is one leaf.
func flatten(name string, value any, into map[string]string) {
	switch x := value.(type) {
	case map[string]any:
		for k, inner := range x {
			flatten(strings.TrimPrefix(name+"."+k, "."), inner, into)
		}
	case []any:
		var plain []string
		for i, inner := range x {
			if _, nested := inner.(map[string]any); nested {
				flatten(fmt.Sprintf("%s.%d", name, i+1), inner, into)
				continue
			}
			plain = append(plain, fmt.Sprint(inner))
		}
		if len(plain) > 0 {
			into[name] = strings.Join(plain, ", ")
		}
	case nil:
		if name != "" {
			into[name] = ""
		}
	default:
		into[name] = fmt.Sprint(x)
	}
}

// auditPage is the timeline with its filters.
type auditPage struct {
	Days      []eventDay
	Everyone  bool
	People    []option
	Actions   []option
	Day       string
	Tokens    []option
	Filtered  bool
	Path      string
	Next      string
	Workspace string
}

type option struct {
	Value, Label string
	Selected     bool
}

const eventsShown = 50

func (v *visit) audit() error {
	d := auditPage{Everyone: v.isAdministrator(), Path: v.at("audit"), Day: v.query("day"), Workspace: v.in.Name}
	f := authority.EventFilter{ActorID: v.query("person"), Action: audit.Action(v.query("action")), TargetID: v.query("token")}
	if day, err := time.Parse(inputDate, d.Day); err == nil {
		f.From, f.To = day, day.AddDate(0, 0, 1)
	}
	d.Filtered = f.ActorID != "" || f.Action != "" || f.TargetID != "" || !f.From.IsZero()
	if d.Everyone {
		members, err := v.allMembers()
		if err != nil {
			return err
		}
		for _, m := range members {
			d.People = append(d.People, option{m.User.ID, m.User.Name, m.User.ID == f.ActorID})
		}
	}
	for _, a := range eventActions() {
		_, verb, tail := eventWords(&audit.Event{Action: a})
		if a == audit.MemberRoleChanged {
			verb = "changed the role of"
		}
		d.Actions = append(d.Actions, option{string(a), actionLabel(a, verb, tail), a == f.Action})
	}
	var err error
	if d.Tokens, err = v.tokenOptions(f.TargetID); err != nil {
		return err
	}
	events, err := v.authority.Events(v.r.Context(), v.by, v.in.Slug, f, authority.Page{After: v.query("after"), Limit: eventsShown + 1})
	if err != nil {
		return err
	}
	if len(events) > eventsShown {
		events = events[:eventsShown]
		d.Next = v.next(events[eventsShown-1].ID)
	}
	d.Days = v.timeline(events)
	return v.show(page{title: "Audit log", name: "audit", data: d, here: "audit", crumbs: []string{settingsMenu, "Audit log"}})
}

// pickedTokens is how many tokens and apps a filter offers.
const pickedTokens = 200

// creations are the events of the newest credentials that the caller's log knows: they name those that are
// gone, too, and, unlike a look at everyone's tokens, reading them is nothing to note in the log.
func (v *visit) creations(most int) ([]audit.Event, error) {
	var out []audit.Event
	for _, a := range []audit.Action{audit.TokenCreated, audit.AppCreated, audit.OAuthTokenCreated} {
		made, err := v.authority.Events(v.r.Context(), v.by, v.in.Slug, authority.EventFilter{Action: a}, authority.Page{Limit: most})
		if err != nil {
			return nil, err
		}
		out = append(out, made...)
	}
	slices.SortStableFunc(out, func(a, b audit.Event) int { return b.At.Compare(a.At) })
	return out[:min(len(out), most)], nil
}

// kindWord says what a credential is, where that is not plain; "" for a personal access token.
func kindWord(id string) string {
	switch {
	case strings.HasPrefix(id, token.AppID+"_"):
		return "app"
	case strings.HasPrefix(id, token.OAuthTokenID+"_"):
		return "OAuth token"
	}
	return ""
}

func (v *visit) tokenOptions(chosen string) ([]option, error) {
	made, err := v.creations(pickedTokens)
	if err != nil {
		return nil, err
	}
	var out []option
	known := chosen == ""
	for i := range made {
		o := option{made[i].TargetID, made[i].TargetName, made[i].TargetID == chosen}
		if word := kindWord(o.Value); word != "" {
			o.Label += " (" + word + ")"
		}
		if made[i].ActorID != v.by.User.ID {
			o.Label += " · " + made[i].ActorName
		}
		known = known || o.Selected
		out = append(out, o)
	}
	if !known {
		out = append(out, option{chosen, "One token", true})
	}
	return out, nil
}

// next is the address of the next part of a filtered list.
func (v *visit) next(after string) string {
	q := url.Values{}
	for k, vs := range v.asked {
		if k != "done" && k != "made" {
			q[k] = vs
		}
	}
	q.Set("after", after)
	return v.r.URL.Path + "?" + q.Encode()
}

// eventActions are the actions of a workspace's log.
func eventActions() []audit.Action {
	return []audit.Action{
		audit.TokenCreated, audit.TokenScopesChanged, audit.TokenExpiryCut, audit.TokenRegenerated, audit.TokenRevoked, audit.TokenDeleted, audit.AllTokensViewed,
		audit.AppCreated, audit.AppChanged, audit.AppSecretViewed, audit.AppSecretRotated, audit.AppSecretEnded, audit.AppDisabled, audit.AppActivated, audit.AppDeleted,
		audit.OAuthTokenCreated, audit.OAuthRefreshed, audit.OAuthTokenCut, audit.OAuthTokenDisabled, audit.OAuthTokenDeleted, audit.RefreshReused,
		audit.TokenExchanged, audit.AccessRevoked, audit.KeyRotated, audit.KeyRemoved, audit.TokensImported, audit.LegacyStopSet,
		audit.MemberAdded, audit.MemberRoleChanged, audit.MemberRemoved, audit.PolicyChanged, audit.ScopesChanged, audit.WorkspaceRenamed,
	}
}

// actionLabel says an action for a filter, without an object.
func actionLabel(a audit.Action, verb, tail string) string {
	switch {
	case strings.HasPrefix(string(a), "app."):
		return upper(strings.TrimSuffix(verb, " the app")) + " an app"
	case strings.HasPrefix(string(a), "oauth_token."):
		return strings.TrimSpace(upper(verb) + " an OAuth token " + tail)
	case strings.HasPrefix(string(a), "member."):
		return upper(verb) + " a member"
	case a == audit.AllTokensViewed, a == audit.TokenExchanged:
		return strings.TrimSpace(upper(verb) + " " + tail)
	case strings.HasPrefix(string(a), "token."):
		return upper(verb) + " a token"
	}
	return upper(verb)
}
