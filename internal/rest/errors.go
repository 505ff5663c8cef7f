package rest

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/keywright/keywright/api"
	"github.com/keywright/keywright/internal/fault"
)

const (
	maxFieldErrors = 50  // told at once
	maxFieldName   = 100 // bytes of a name that the caller made up
)

// catchErrors is the transformer that takes what huma finds wrong with a request out of its hands.
func catchErrors(ctx huma.Context, _ string, v any) (any, error) {
	if m, isError := v.(*huma.ErrorModel); isError {
		if c, ok := ctx.(*call); ok {
			c.err = faultOf(m)
		}
	}
	return v, nil
}

// faultOf says in our words what huma found. Values are not repeated: they may be passwords.
func faultOf(m *huma.ErrorModel) error {
	switch m.Status {
	case http.StatusUnprocessableEntity:
	case http.StatusUnsupportedMediaType:
		return fault.New(fault.BadRequest, api.CodeUnsupportedMediaType, "Send JSON: Content-Type: application/json.")
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, api.CodeTooLarge, "This is too long. Send at most 64 KiB.")
	case http.StatusBadRequest:
		return fault.New(fault.BadRequest, api.CodeBadRequest, "The body is missing or is not valid JSON.")
	default:
		return fault.Wrap(m, "huma")
	}
	var fields []fault.Field
	for _, e := range m.Errors {
		if e == nil || len(fields) == maxFieldErrors {
			continue
		}
		fields = append(fields, fieldOf(e))
	}
	if len(fields) == 0 {
		return fault.New(fault.Invalid, api.CodeInvalid, "The request is not as the documentation says.")
	}
	return fault.Invalids(fields)
}

func fieldOf(e *huma.ErrorDetail) fault.Field {
	// huma writes body.items[3].name, we write items.3.name.
	_, name, _ := strings.Cut(e.Location, ".")
	name = strings.NewReplacer("[", ".", "]", "").Replace(name)
	detail := inOurWords(e.Message)
	if missing, ok := strings.CutPrefix(e.Message, "expected required property "); ok {
		missing = strings.TrimSuffix(missing, " to be present")
		name = strings.TrimPrefix(name+"."+missing, ".")
		detail = "This is missing."
	}
	if name == "" {
		name = "body"
	}
	return fault.Field{Name: shortName(name), Code: api.CodeInvalid, Detail: detail}
}

// shortName bounds a name that the caller made up.
func shortName(name string) string {
	if len(name) > maxFieldName {
		return strings.ToValidUTF8(name[:maxFieldName], "") + "…"
	}
	return name
}

func inOurWords(message string) string {
	switch message {
	case "unexpected property":
		return "There is no such field. Leave it out."
	case "expected string":
		return "This must be a text."
	case "expected boolean", "invalid boolean":
		return "This must be true or false."
	case "expected integer", "invalid integer":
		return "This must be a whole number."
	case "expected number":
		return "This must be a number."
	case "expected array":
		return "This must be a list."
	case "expected object":
		return "This must be an object."
	case "expected string to be RFC 3339 date-time", "invalid date/time for format 2006-01-02T15:04:05Z07:00":
		return "This must be a time such as 2027-03-01T12:00:00Z."
	}
	for begin, ours := range map[string]string{
		"expected number >= ":          "Use at least ",
		"expected number <= ":          "Use at most ",
		"expected length >= ":          "The least number of characters is ",
		"expected length <= ":          "The greatest number of characters is ",
		"expected array length >= ":    "The least number of entries is ",
		"expected array length <= ":    "The greatest number of entries is ",
		"expected value to be one of ": "Choose one of ",
	} {
		if rest, ok := strings.CutPrefix(message, begin); ok {
			return ours + strings.Trim(rest, `"`) + "."
		}
	}
	return "This can't be read as what is expected here. See the documentation."
}
