package legacy

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// readJSON reads JSON Lines: one object a line.
func readJSON(b *bufio.Reader, yield func(Line, error) bool) {
	for number := 1; ; number++ {
		text, long, err := nextLine(b)
		if err != nil && !errors.Is(err, io.EOF) {
			yield(Line{}, err)
			return
		}
		l := Line{Number: number}
		switch {
		case long:
			l = l.bad("The line is too long: at most %d bytes.", MaxLine)
		case len(bytes.TrimSpace(text)) == 0:
			if err != nil {
				return
			}
			continue
		default:
			said, problem := objectOf(text)
			if l = lineOf(number, said); problem != "" {
				l = l.bad("%s", problem)
			}
		}
		if !yield(l, nil) || err != nil {
			return
		}
	}
}

// nextLine reads up to the end of a line; of one that is too long, nothing is returned but that it is.
func nextLine(b *bufio.Reader) (text []byte, long bool, err error) {
	for {
		part, err := b.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			if long {
				part = nil
			}
			return part, long, err
		}
		long = true
	}
}

const notAnObject = "This is not one JSON object with texts in it."

// objectOf reads a flat JSON object. Unlike json.Unmarshal it sees what stands in it twice.
func objectOf(text []byte) (said []field, problem string) {
	if !utf8.Valid(text) {
		return nil, "The line is not valid text (UTF-8)." // the decoder would put other characters in its place
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, notAnObject
	}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, notAnObject
		}
		if problem := knownField(name, said); problem != "" {
			return nil, problem
		}
		value, ok := textOf(d, name)
		if !ok {
			return nil, name + " must be a text" + map[bool]string{true: " or a list of texts"}[name == "scopes"] + "."
		}
		said = append(said, field{name, value})
	}
	if _, err := d.Token(); err != nil {
		return nil, notAnObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, notAnObject
	}
	return said, ""
}

// textOf reads a value: a text, null, or, for scopes, a list of texts.
func textOf(d *json.Decoder, name string) (string, bool) {
	var raw json.RawMessage
	if d.Decode(&raw) != nil {
		return "", false
	}
	var text *string
	if json.Unmarshal(raw, &text) == nil {
		if text == nil {
			return "", true
		}
		return *text, true
	}
	var list []string
	// An empty list is no list: left out, it would be every scope of the owner's role.
	if name != "scopes" || json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return "", false
	}
	// A name with a space in it would become two.
	if slices.ContainsFunc(list, func(s string) bool { return s == "" || strings.Contains(s, " ") }) {
		return "", false
	}
	return strings.Join(list, " "), true
}

func knownField(name string, said []field) (problem string) {
	switch {
	case !slices.Contains(fields(), name):
		return "There is a field that is not known here. The fields are " + strings.Join(fields(), ", ") + "."
	case slices.ContainsFunc(said, func(f field) bool { return f.name == name }):
		return name + " is there twice."
	}
	return ""
}

// readCSV reads CSV (RFC 4180) whose first line names the columns.
func readCSV(b *bufio.Reader, yield func(Line, error) bool) {
	bound := &bounded{r: b}
	c := csv.NewReader(bound)
	c.ReuseRecord, c.FieldsPerRecord = true, -1
	bound.refill()
	header, err := c.Read()
	if err != nil {
		yield(Line{}, fileProblem(err, 1))
		return
	}
	var names []string
	for _, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if problem := knownField(name, fieldsOf(names)); problem != "" {
			yield(Line{}, fmt.Errorf("the first line must name the columns: %s", problem))
			return
		}
		names = append(names, name)
	}
	for {
		bound.refill()
		values, err := c.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		number := 0
		if err == nil {
			number, _ = c.FieldPos(0)
		}
		var l Line
		switch parse := (*csv.ParseError)(nil); {
		case errors.As(err, &parse) && !errors.Is(err, errTooLong):
			// Where a quote is wrong, nobody knows where the next line begins.
			yield(Line{}, fileProblem(err, parse.StartLine))
			return
		case err != nil:
			yield(Line{}, fileProblem(err, 0))
			return
		case len(values) != len(names):
			l = Line{Number: number, Problem: fmt.Sprintf("The line has %d values, and there are %d columns.", len(values), len(names))}
		default:
			said := fieldsOf(names)
			for i := range said {
				said[i].text = strings.Clone(values[i])
			}
			l = lineOf(number, said)
		}
		if !yield(l, nil) {
			return
		}
	}
}

func fieldsOf(names []string) []field {
	out := make([]field, len(names))
	for i, name := range names {
		out[i].name = name
	}
	return out
}

// fileProblem says why a CSV file can't be read on, without what stands in it.
func fileProblem(err error, line int) error {
	switch {
	case errors.Is(err, errTooLong):
		return errTooLong
	case line > 0:
		return fmt.Errorf("line %d is not CSV: look for a quotation mark that is missing or too many", line)
	}
	return err
}

var errTooLong = fmt.Errorf("a line is too long: at most %d bytes", MaxLine)

// bounded keeps a CSV record, which may go over many lines, from taking all memory.
type bounded struct {
	r    io.Reader
	left int
}

// refill is called between records. What the reader above holds already is within the bound of before.
func (b *bounded) refill() { b.left = 2 * MaxLine }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
