package testkit

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// thing is what a screen reader knows of something on the page.
type thing struct {
	role, name, description string
	disabled                bool
	node                    cdp.BackendNodeID
}

func clickable() []string {
	return []string{"button", "link", "checkbox", "radio", "menuitem", "tab", "DisclosureTriangle"}
}

func fillable() []string { return []string{"textbox", "searchbox", "spinbutton", "combobox", "Date"} }

// things lists what the accessibility tree holds: nothing that is hidden or inert. With a name it lists only what
// has exactly that name, which is many times faster.
func (p *Page) things(name string) ([]thing, error) { return p.thingsIn("document", name) }

// thingsIn lists a part of the page: what an expression of the script names, and all that is in it.
func (p *Page) thingsIn(expression, name string) ([]thing, error) {
	object, err := chromedp.Run(p.ctx, chromedp.Evaluate[*runtime.RemoteObject](expression))
	if err != nil {
		return nil, err
	}
	tree, err := chromedp.Call(p.ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: object.ObjectID, AccessibleName: name})
	if err != nil {
		return nil, err
	}
	var all []thing
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		x := thing{role: axText(n.Role), name: strings.Join(strings.Fields(axText(n.Name)), " "), description: axText(n.Description), node: n.BackendDOMNodeID}
		for _, property := range n.Properties {
			if property.Name == accessibility.PropertyNameDisabled && axText(property.Value) == "true" {
				x.disabled = true
			}
		}
		all = append(all, x)
	}
	return all, nil
}

// axText is a value of the accessibility tree as text.
func axText(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var s string
	if json.Unmarshal(v.Value, &s) == nil {
		return s
	}
	return string(v.Value)
}

// named picks those with one of the roles and the name; where none has it, those whose name begins with
// it and goes on with another word, as the name of a choice goes on with its explanation.
func named(all []thing, name string, roles []string) (found []thing) {
	var begin []thing
	for _, x := range all {
		if !slices.Contains(roles, x.role) {
			continue
		}
		rest, ok := strings.CutPrefix(x.name, name)
		if r, _ := utf8.DecodeRuneInString(rest); ok && rest == "" {
			found = append(found, x)
		} else if ok && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			begin = append(begin, x)
		}
	}
	if len(found) == 0 {
		return begin
	}
	return found
}

// find waits for the one thing that has one of the roles and the name; of several alike, the first.
func (p *Page) find(name string, roles ...string) thing {
	p.t.Helper()
	var found []thing
	p.await(fmt.Sprintf("one %s called %q", strings.Join(roles, " or "), name), func() (bool, error) {
		exact, err := p.things(name)
		if err != nil {
			return false, err
		}
		if found = named(exact, name, roles); alike(found) {
			return true, nil
		}
		all, err := p.things("")
		if err != nil {
			return false, err
		}
		if found = named(all, name, roles); alike(found) {
			return true, nil
		}
		var have []string
		for _, x := range all {
			if slices.Contains(roles, x.role) {
				have = append(have, fmt.Sprintf("%s %q", x.role, x.name))
			}
		}
		return false, fmt.Errorf("%d of: %s", len(found), strings.Join(have, ", "))
	})
	return found[0]
}

// alike reports whether there is one, or several that a person can't tell apart and so must all be the same.
func alike(found []thing) bool {
	for _, x := range found {
		if x.role != found[0].role || x.name != found[0].name {
			return false
		}
	}
	return len(found) > 0
}

// ask calls a function on something of the page; the function's result is JSON.
func ask[T any](p *Page, x thing, function string, arguments ...any) (result T, err error) {
	object, err := chromedp.Call(p.ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: x.node})
	if err != nil {
		return result, err
	}
	yes := true
	params := runtime.CallFunctionOnParams{FunctionDeclaration: function, ObjectID: object.Object.ObjectID, ReturnByValue: &yes}
	for _, a := range arguments {
		value, err := json.Marshal(a)
		if err != nil {
			return result, err
		}
		params.Arguments = append(params.Arguments, &runtime.CallArgument{Value: value})
	}
	r, err := chromedp.Call(p.ctx, runtime.CallFunctionOn, params)
	if err != nil {
		return result, err
	}
	if r.ExceptionDetails != nil {
		return result, fmt.Errorf("the page refuses: %s", exceptionOf(r.ExceptionDetails))
	}
	if r.Result == nil || len(r.Result.Value) == 0 {
		return result, nil
	}
	return result, json.Unmarshal(r.Result.Value, &result)
}

// Where one would click: in the middle, of the thing or of its label, unless something else lies over it.
const whereToClick = `function() {
	for (const e of [this, ...(this.labels || [])]) {
		e.scrollIntoView({block: "center", inline: "nearest", behavior: "instant"});
		const r = e.getClientRects()[0];
		if (!r || !r.width || !r.height) continue;
		const x = r.x + r.width / 2, y = r.y + r.height / 2, at = document.elementFromPoint(x, y);
		if (at && (e.contains(at) || [...(this.labels || [])].some(l => l.contains(at)))) return {x, y};
	}
	return null;
}`

// Click uses a button, link, box or choice as the mouse does, by the name that a screen reader says, or
// the beginning of it.
func (p *Page) Click(name string) *Page {
	p.t.Helper()
	x := p.find(name, clickable()...)
	if x.disabled {
		p.fail("%s %q is disabled: %s", x.role, name, x.description)
	}
	// Twice at one place: what is anchored to something else follows a moment after the page has scrolled.
	var at, before *struct{ X, Y float64 }
	p.await(fmt.Sprintf("%q to be where the mouse reaches it", name), func() (ok bool, err error) {
		before = at
		at, err = ask[*struct{ X, Y float64 }](p, x, whereToClick)
		return at != nil && before != nil && *at == *before, err
	})
	for _, step := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMouseMoved, input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		m := input.DispatchMouseEventParams{Type: step, X: at.X, Y: at.Y}
		if step != input.DispatchMouseEventTypeMouseMoved {
			m.Button, m.ClickCount = input.MouseButtonLeft, 1
		}
		call(p, input.DispatchMouseEvent, m)
	}
	p.settle()
	return p
}

// Fill replaces what is in a field by typing; a day is chosen, as 2027-03-01.
func (p *Page) Fill(label, text string) *Page {
	p.t.Helper()
	x := p.find(label, fillable()...)
	if x.role == "Date" {
		p.set(x, text)
		return p
	}
	call(p, dom.Focus, dom.FocusParams{BackendNodeID: x.node})
	if _, err := ask[any](p, x, `function() { this.select(); }`); err != nil {
		p.fail("filling %q: %v", label, err)
	}
	if text == "" {
		return p.Press("Delete")
	}
	call(p, input.InsertText, input.InsertTextParams{Text: text})
	p.settle()
	return p
}

func (p *Page) set(x thing, value string) {
	p.t.Helper()
	if _, err := ask[any](p, x, `function(value) {
		this.value = value;
		this.dispatchEvent(new Event("input", {bubbles: true}));
		this.dispatchEvent(new Event("change", {bubbles: true}));
	}`, value); err != nil {
		p.fail("choosing %q: %v", x.name, err)
	}
	p.settle()
}

// Choose picks an option of a list by its words.
func (p *Page) Choose(label, option string) *Page {
	p.t.Helper()
	x := p.find(label, "combobox")
	value, err := ask[*string](p, x, `function(words) { return [...this.options].find(o => o.label.trim() === words)?.value ?? null; }`, option)
	if err != nil || value == nil {
		p.fail("%q has no option %q (%v)", label, option, err)
	}
	p.set(x, *value)
	return p
}

// Value is what is in a field.
func (p *Page) Value(label string) string {
	p.t.Helper()
	s, err := ask[string](p, p.find(label, fillable()...), `function() { return this.value; }`)
	if err != nil {
		p.fail("reading %q: %v", label, err)
	}
	return s
}

// Checked tells whether a box or a choice is.
func (p *Page) Checked(label string) bool {
	p.t.Helper()
	is, err := ask[bool](p, p.find(label, "checkbox", "radio"), `function() { return this.checked; }`)
	if err != nil {
		p.fail("reading %q: %v", label, err)
	}
	return is
}

// Disabled fails unless a button is disabled, and returns what a screen reader says as the reason.
func (p *Page) Disabled(name string) (why string) {
	p.t.Helper()
	x := p.find(name, "button")
	if !x.disabled {
		p.fail("%q is not disabled", name)
	}
	return x.description
}

// Offers fails unless there is one thing of each name to click.
func (p *Page) Offers(names ...string) *Page {
	p.t.Helper()
	for _, name := range names {
		p.find(name, clickable()...)
	}
	return p
}

// Lacks fails if there is something to click or to fill that has one of the names. It does not wait: ask
// it after something that the same page has.
func (p *Page) Lacks(names ...string) *Page {
	p.t.Helper()
	all, err := p.things("")
	if err != nil {
		p.fail("reading the page: %v", err)
	}
	for _, name := range names {
		if found := named(all, name, slices.Concat(clickable(), fillable())); len(found) > 0 {
			p.fail("there is a %s %q", found[0].role, found[0].name)
		}
	}
	return p
}

// Dialog waits until a dialog of this title is open, and nothing else can be used.
func (p *Page) Dialog(title string) *Page {
	p.t.Helper()
	p.find(title, "dialog", "alertdialog")
	return p
}

// Focused is the name of what has the focus.
func (p *Page) Focused() string {
	p.t.Helper()
	all, err := p.thingsIn("document.activeElement", "")
	if err != nil {
		p.fail("reading the page: %v", err)
	}
	if len(all) == 0 {
		return ""
	}
	return all[0].name
}

// Text is the page's visible text, its spaces folded.
func (p *Page) Text() string {
	s, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(s), " ")
}

// See waits until the page shows the texts.
func (p *Page) See(texts ...string) *Page {
	p.t.Helper()
	for _, s := range texts {
		p.await(fmt.Sprintf("%q to be seen", s), func() (bool, error) { return strings.Contains(p.Text(), s), nil })
	}
	return p
}

// NotSee waits until the page shows none of the texts.
func (p *Page) NotSee(texts ...string) *Page {
	p.t.Helper()
	for _, s := range texts {
		p.await(fmt.Sprintf("%q to be gone", s), func() (bool, error) { return !strings.Contains(p.Text(), s), nil })
	}
	return p
}

// ReloadUntil loads the page again until it shows a text that the server learns a moment later.
func (p *Page) ReloadUntil(text string) *Page {
	p.t.Helper()
	p.await(fmt.Sprintf("%q after loading again", text), func() (bool, error) {
		return strings.Contains(p.Text(), text) || strings.Contains(p.Reload().Text(), text), nil
	})
	return p
}

// Row waits for the row of a table in which a text stands, and returns all of that row's text.
func (p *Page) Row(text string) (row string) {
	p.t.Helper()
	quoted, err := json.Marshal(text)
	p.must(err)
	p.await(fmt.Sprintf("a row with %q", text), func() (bool, error) {
		s, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`([...document.querySelectorAll("tbody tr")].map(r => r.innerText.replace(/\s+/g, " ")).find(s => s.includes(`+string(quoted)+`)) || "")`))
		row = s
		return s != "", err
	})
	return row
}

// keys are what is on a keyboard and is no letter.
func keys() map[string]string {
	return map[string]string{
		"Tab": kb.Tab, "Enter": kb.Enter, "Escape": kb.Escape, "Space": " ", "Delete": kb.Delete, "Backspace": kb.Backspace,
		"ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown, "ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight,
	}
}

// Press presses keys one after the other: Tab, Shift+Tab, Enter, Escape, Space, Delete and the arrows.
func (p *Page) Press(names ...string) *Page {
	p.t.Helper()
	for _, name := range names {
		plain, shift := strings.CutPrefix(name, "Shift+")
		key, ok := keys()[plain]
		if !ok {
			p.t.Fatalf("no key %q", name)
		}
		var with []chromedp.KeyOption
		if shift {
			with = append(with, chromedp.KeyModifiers(kb.ModifierShift))
		}
		if err := chromedp.Do(p.ctx, chromedp.KeyEvent(key, with...)); err != nil {
			p.fail("pressing %s: %v", name, err)
		}
		p.settle()
	}
	return p
}

// Type writes with the keyboard where the focus is.
func (p *Page) Type(text string) *Page {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(text)); err != nil {
		p.fail("typing: %v", err)
	}
	p.settle()
	return p
}

// TabTo presses Tab until what has this name, or a name that begins so, has the focus.
func (p *Page) TabTo(name string) *Page {
	p.t.Helper()
	var passed []string
	for range 60 {
		p.Press("Tab")
		now := p.Focused()
		if now == name || strings.HasPrefix(now, name+" ") {
			return p
		}
		passed = append(passed, now)
	}
	p.fail("Tab never reaches %q, only %q", name, passed)
	return p
}

// Run runs a script in the page and returns its result as text.
func (p *Page) Run(script string) string {
	p.t.Helper()
	r, err := chromedp.Run(p.ctx, chromedp.Evaluate[any](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.fail("%s: %v", script, err)
	}
	return fmt.Sprint(r)
}

const wholeAxe = `"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"`

// Axe fails for everything that axe-core finds on the page as it is, or in the dialog that is open over it: all
// of WCAG 2.0 to 2.2, A and AA, and its best practices, and the contrast of both themes.
func (p *Page) Axe() *Page {
	p.t.Helper()
	p.settle()
	source, err := os.ReadFile(NPM(p.t, "axe-core/axe.min.js"))
	p.must(err)
	if p.Run("typeof axe") != "object" {
		if err := chromedp.Do(p.ctx, chromedp.Evaluate[chromedp.Void](string(source))); err != nil {
			p.fail("axe-core: %v", err)
		}
	}
	p.Theme(false)
	p.axe("light", `{type: "tag", values: [`+wholeAxe+`]}`)
	p.Theme(true)
	p.axe("dark", `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`)
	return p.Theme(false)
}

func (p *Page) axe(theme, rules string) {
	p.t.Helper()
	found := p.Run(`axe.run(document.querySelector("dialog[open]") || document, {runOnly: ` + rules + `, resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + "\n" +
		v.nodes.map(n => "    " + n.html.slice(0, 200) + "\n    " + n.failureSummary.replace(/\s+/g, " ")).join("\n")).join("\n"))`)
	if found != "" {
		p.t.Errorf("axe-core at %s, %s:\n%s", p.Address(), theme, found)
	}
}
