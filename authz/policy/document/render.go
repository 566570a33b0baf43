package document

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Formats of [Render].
const (
	FormatText   = "text"
	FormatJSON   = "json"
	FormatGitHub = "github"
)

// A Style says how much the text format shows of a finding.
type Style uint8

// The styles.
const (
	Plain   Style = iota // a line each, for programs and files
	Excerpt              // the source line and a caret too, for a terminal
	Colored              // the caret in red
)

// Render writes findings, sorted, at most [MaxShown] of them, and always how
// many there are in how many files. FormatText is for people; style counts for
// it only.
// FormatJSON is one versioned object. FormatGitHub is GitHub's workflow
// commands, which become annotations. Another format is an error.
func Render(w io.Writer, findings []Finding, format string, style Style, files int) error {
	sorted := append([]Finding(nil), findings...)
	Sort(sorted)
	shown := sorted[:min(len(sorted), MaxShown)]

	var b strings.Builder
	switch format {
	case FormatText:
		for i := range shown {
			writeText(&b, &shown[i], style)
		}
		writeTotal(&b, sorted, len(shown), files)
	case FormatJSON:
		if err := writeJSON(&b, sorted, shown, files); err != nil {
			return err
		}
	case FormatGitHub:
		for i := range shown {
			writeGitHub(&b, &shown[i])
		}
		writeTotal(&b, sorted, len(shown), files)
	default:
		return fmt.Errorf("render findings: unknown format %q", format)
	}
	_, err := io.WriteString(w, b.String())
	if err != nil {
		return fmt.Errorf("write findings: %w", err)
	}
	return nil
}

func writeText(b *strings.Builder, f *Finding, style Style) {
	if f.File != "" {
		b.WriteString(printable(f.File))
		if f.Line > 0 {
			fmt.Fprintf(b, ":%d:%d", f.Line, f.Column)
		}
		b.WriteString(": ")
	}
	if f.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(printable(sentence(f)) + "\n")
	if style == Plain || f.Text == "" {
		return
	}

	// Tabs would push the caret away from what it points at.
	line := []rune(strings.ReplaceAll(printable(f.Text), "\t", " "))
	start := min(max(f.Column-1, 0), len(line))
	width := max(min(f.Width, len(line)-start), 1)
	fmt.Fprintf(b, "%4d | %s\n", f.Line, string(line))
	caret := strings.Repeat("^", width)
	if style == Colored {
		caret = "\x1b[31m" + caret + "\x1b[0m"
	}
	fmt.Fprintf(b, "     | %s%s\n", strings.Repeat(" ", start), caret)
}

// sentence is the path, the message and the other places.
func sentence(f *Finding) string {
	s := f.Message
	if f.Path != "" {
		s = f.Path + ": " + s
	}
	for _, p := range f.Related {
		s += fmt.Sprintf(" (also %s:%d:%d)", p.File, p.Line, p.Column)
	}
	return s
}

// printable replaces what could move the cursor or reorder a line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

func writeTotal(b *strings.Builder, all []Finding, shown, files int) {
	mistakes := Mistakes(all)
	warnings := len(all) - mistakes
	switch {
	case len(all) == 0:
		b.WriteString("no mistakes")
	case warnings == 0:
		b.WriteString(count(mistakes, "mistake"))
	case mistakes == 0:
		b.WriteString(count(warnings, "warning"))
	default:
		b.WriteString(count(mistakes, "mistake") + " and " + count(warnings, "warning"))
	}
	b.WriteString(" in " + count(files, "file"))
	if shown < len(all) {
		fmt.Fprintf(b, " (the first %d are shown)", shown)
	}
	b.WriteByte('\n')
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// jsonVersion is raised when a field changes its meaning or goes away.
const jsonVersion = 1

type jsonReport struct {
	Version  int           `json:"version"`
	Findings []jsonFinding `json:"findings"`
	Mistakes int           `json:"mistakes"`
	Warnings int           `json:"warnings"`
	Files    int           `json:"files"`
}

type jsonFinding struct {
	File     string      `json:"file"`
	Line     int         `json:"line"`
	Column   int         `json:"column"`
	Path     string      `json:"path"`
	Code     string      `json:"code"`
	Severity string      `json:"severity"`
	Message  string      `json:"message"`
	Related  []jsonPlace `json:"related,omitempty"`
}

type jsonPlace struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

func writeJSON(b *strings.Builder, all, shown []Finding, files int) error {
	report := jsonReport{
		Version: jsonVersion, Findings: []jsonFinding{}, Files: files,
		Mistakes: Mistakes(all), Warnings: len(all) - Mistakes(all),
	}
	for i := range shown {
		f := &shown[i]
		out := jsonFinding{
			File: f.File, Line: f.Line, Column: f.Column, Path: f.Path,
			Code: f.Code, Severity: severity(f), Message: f.Message,
		}
		for _, place := range f.Related {
			out.Related = append(out.Related, jsonPlace(place))
		}
		report.Findings = append(report.Findings, out)
	}
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return fmt.Errorf("encode findings: %w", err)
	}
	return nil
}

func severity(f *Finding) string {
	if f.Warning {
		return "warning"
	}
	return "error"
}

// writeGitHub writes a workflow command. Source of the escapes:
// https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
func writeGitHub(b *strings.Builder, f *Finding) {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	b.WriteString("::" + severity(f) + " ")
	if f.File != "" {
		b.WriteString("file=" + property.Replace(f.File) + ",")
		if f.Line > 0 {
			fmt.Fprintf(b, "line=%d,col=%d,", f.Line, f.Column)
		}
	}
	b.WriteString("title=" + property.Replace(f.Code) + "::" + data.Replace(sentence(f)) + "\n")
}
