package ui

import "html/template"

// icon draws one of our icons, 16 by 16, in the colour of the text. An unknown name draws nothing, and a
// test looks for those.
func icon(name string) template.HTML {
	return template.HTML(`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">` + strokes(name) + `</svg>`)
}

func strokes(name string) string {
	switch name {
	case "key":
		return `<circle cx="5.5" cy="10.5" r="3"/><path d="m7.7 8.3 5.8-5.8m-2.3 2.3 2 2"/>`
	case "down":
		return `<path d="m4.5 6.5 3.5 3.5 3.5-3.5"/>`
	case "check":
		return `<path d="m3 8.5 3.2 3.2L13 4.8"/>`
	case "more":
		return `<path d="M8 3.5v.01M8 8v.01M8 12.5v.01" stroke-width="2.4"/>`
	case "search":
		return `<circle cx="7" cy="7" r="4.2"/><path d="m10.2 10.2 3.3 3.3"/>`
	case "copy":
		return `<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5"/>`
	case "plus":
		return `<path d="M8 3.2v9.6M3.2 8h9.6"/>`
	case "warn":
		return `<path d="M8 2.2 14.3 13.3H1.7zM8 6.5v3M8 11.5v.01"/>`
	case "bad":
		return `<circle cx="8" cy="8" r="5.8"/><path d="M8 5v3.5M8 10.8v.01"/>`
	case "info":
		return `<circle cx="8" cy="8" r="5.8"/><path d="M8 7.5V11M8 5.2v.01"/>`
	case "help":
		return `<circle cx="8" cy="8" r="5.8"/><path d="M6.3 6.4a1.75 1.75 0 1 1 2.5 1.6c-.5.26-.8.6-.8 1.2M8 11.3v.01"/>`
	case "gear":
		return `<path d="M2.5 4.5h5m4 0h2M2.5 11.5h2m4 0h5"/><circle cx="9.5" cy="4.5" r="1.8"/><circle cx="6.5" cy="11.5" r="1.8"/>`
	case "user":
		return `<circle cx="8" cy="5.3" r="2.8"/><path d="M2.8 13.5a5.3 5.3 0 0 1 10.4 0"/>`
	case "users":
		return `<circle cx="6" cy="5.5" r="2.5"/><path d="M1.5 13a4.6 4.6 0 0 1 9 0M10.5 3.2a2.5 2.5 0 0 1 0 4.6M12.3 9.6A4.6 4.6 0 0 1 14.5 13"/>`
	case "shield":
		return `<path d="M8 1.8 13 3.7v4c0 3-2.1 5.3-5 6.5-2.9-1.2-5-3.5-5-6.5v-4z"/><path d="m5.8 7.9 1.6 1.6 2.9-3"/>`
	case "clock":
		return `<circle cx="8" cy="8" r="5.8"/><path d="M8 4.8V8l2.2 1.5"/>`
	case "chart":
		return `<path d="M2.5 13.5h11M4.5 10.5v-2M8 10.5v-7M11.5 10.5V6"/>`
	case "tag":
		return `<path d="M2.5 7.8V3.5a1 1 0 0 1 1-1h4.3l5.7 5.7-5.3 5.3zM5.5 5.5v.01"/>`
	case "building":
		return `<rect x="2.5" y="2.5" width="4.5" height="4.5" rx="1"/><rect x="9" y="2.5" width="4.5" height="4.5" rx="1"/><rect x="2.5" y="9" width="4.5" height="4.5" rx="1"/><rect x="9" y="9" width="4.5" height="4.5" rx="1"/>`
	case "menu":
		return `<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>`
	case "edit":
		return `<path d="m3 13 .7-3L10.5 3.2l2.3 2.3L6 12.3z"/>`
	case "trash":
		return `<path d="M2.8 4.5h10.4M6 4.5V3h4v1.5M4.2 4.5l.6 8.8h6.4l.6-8.8"/>`
	case "again":
		return `<path d="M13 8a5 5 0 1 1-1.6-3.7M13 2.5v2.7h-2.7"/>`
	case "eye":
		return `<path d="M1.8 8C3 5.5 5.3 4 8 4s5 1.5 6.2 4C13 10.5 10.7 12 8 12S3 10.5 1.8 8z"/><circle cx="8" cy="8" r="1.7"/>`
	case "stop":
		return `<circle cx="8" cy="8" r="5.8"/><path d="m4 4 8 8"/>`
	case "close":
		return `<path d="m4.5 4.5 7 7m0-7-7 7"/>`
	case "lock":
		return `<rect x="3.5" y="7" width="9" height="6.5" rx="1.5"/><path d="M5.5 7V5.2a2.5 2.5 0 0 1 5 0V7"/>`
	case "out":
		return `<path d="M6.5 13.5h-3a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1h3M10 11l3-3-3-3m3 3H6"/>`
	case "list":
		return `<path d="M5.5 4h8m-8 4h8m-8 4h8M2.5 4v.01M2.5 8v.01M2.5 12v.01"/>`
	case "app":
		return `<rect x="2" y="3" width="12" height="10" rx="1.5"/><path d="m4.8 6.4 2 1.8-2 1.8m3.7.2h2.7"/>`
	case "refresh":
		return `<path d="M13 6.8a5 5 0 0 0-9-2L2.5 6.3m0-3.7v3.7h3.7M3 9.2a5 5 0 0 0 9 2l1.5-1.5m0 3.7V9.7H9.8"/>`
	case "sign":
		return `<circle cx="8" cy="6" r="3.8"/><path d="m6 9.3-1 4.7 3-1.8 3 1.8-1-4.7"/>`
	case "plug":
		return `<path d="M5.5 2.5v3m5-3v3M3.5 5.5h9V8a4.5 4.5 0 0 1-9 0zM8 12.5v2"/>`
	case "data":
		return `<ellipse cx="8" cy="3.8" rx="5" ry="1.9"/><path d="M3 3.8v8.4c0 1 2.2 1.9 5 1.9s5-.9 5-1.9V3.8M3 8c0 1 2.2 1.9 5 1.9S13 9 13 8"/>`
	case "down-to":
		return `<path d="M8 2.5v7.5m-3-3 3 3 3-3M3 13.5h10"/>`
	case "next":
		return `<path d="M3 8h10m-4-4 4 4-4 4"/>`
	case "mail":
		return `<rect x="2" y="3.5" width="12" height="9" rx="1.5"/><path d="m2.5 5 5.5 4 5.5-4"/>`
	}
	return ""
}
