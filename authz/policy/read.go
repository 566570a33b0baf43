package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hookauthz/hookauthz/authz/policy/document"
	"github.com/hookauthz/hookauthz/authz/secret"
	policypb "github.com/hookauthz/hookauthz/gen/hookauthz/policy/v1"
)

// DefaultMaxBody is the largest body, in bytes, where neither the policy nor the
// process says: 1 MiB, the buffer that Envoy has by default.
const DefaultMaxBody = 1 << 20

// Options are what the process decides about policies.
type Options struct {
	// MaxBody is the largest body in bytes where a policy states none. 0 is
	// [DefaultMaxBody].
	MaxBody int64
	// Dev permits http where https belongs.
	Dev bool
	// NoTokenStore says that there is none, so that opaque tokens are a mistake.
	NoTokenStore bool
	// NoReplayStore says that there is none, so that claims in Redis are a
	// mistake.
	NoReplayStore bool
}

func (o Options) maxBody() int64 {
	if o.MaxBody == 0 {
		return DefaultMaxBody
	}
	return o.MaxBody
}

// A File is a policy file, or a directory of them, without mistakes. It is
// immutable.
type File struct {
	config   *policypb.Config
	document *document.Document
	options  Options
	hash     string
}

// ReadPath reads the policy file at path. Of a directory it reads all *.yaml and
// *.json files except *_test.yaml and names that begin with a dot, sorted, as
// one file.
//
// It returns every mistake and warning it finds, sorted by place; the File is
// nil if one of them is a mistake. An unreadable path is a mistake as well.
func ReadPath(path string, options Options) (*File, []document.Finding) {
	files, err := readFiles(path)
	if err != nil {
		return nil, []document.Finding{{File: path, Code: "unreadable", Message: err.Error()}}
	}
	return Read(files, options)
}

// Read is [ReadPath] for content that is in memory.
func Read(files []document.File, options Options) (*File, []document.Finding) {
	config := &policypb.Config{}
	read, findings := document.Read(files, config)
	if read == nil {
		return nil, findings
	}
	file := &File{config: config, document: read, options: options, hash: hashOf(files)}
	_, found := compile(file, Sources{})
	findings = append(findings, found...)
	document.Sort(findings)
	if document.Mistakes(findings) > 0 {
		return nil, findings
	}
	return file, findings
}

// Hash identifies the content: "sha256:" and hex digits.
func (f *File) Hash() string { return f.hash }

// Secrets returns what the file declares: its secrets, sorted by name, then what
// Vault's PKI engine gives for the entries of keys, under "keys/" and the entry's
// name.
func (f *File) Secrets() []secret.Declaration {
	names := sortedKeys(f.config.GetSecrets())
	declared := make([]secret.Declaration, 0, len(names))
	for _, name := range names {
		declared = append(declared, declarationOf(name, f.config.GetSecrets()[name]))
	}
	return append(declared, f.pkiSecrets()...)
}

// Table compiles the file.
func (f *File) Table(s Sources) *Table {
	table, _ := compile(f, s)
	return table
}

func declarationOf(name string, s *policypb.Secret) secret.Declaration {
	declared := secret.Declaration{Name: name, AcceptWeak: s.GetWeak() == accepted}
	switch {
	case s.GetVault() != nil:
		v := s.GetVault()
		declared.Vault = &secret.VaultLocation{
			Mount:       v.GetMount(),
			Path:        v.GetPath(),
			Field:       v.GetField(),
			KVVersion:   int(v.GetKvVersion()),
			PreviousFor: v.GetPreviousFor().AsDuration(),
		}
		if declared.Vault.Mount == "" {
			declared.Vault.Mount = "secret"
		}
		if declared.Vault.KVVersion == 0 {
			declared.Vault.KVVersion = 2
		}
	case s.GetFile() != nil:
		declared.File = &secret.FileLocation{Path: s.GetFile().GetPath()}
	case s.GetEnv() != nil:
		declared.Env = &secret.EnvLocation{Name: s.GetEnv().GetName()}
	}
	return declared
}

func readFiles(path string) ([]document.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the policy file: %v", bare(err))
	}
	names := []string{path}
	if info.IsDir() {
		if names, err = namesIn(path); err != nil {
			return nil, err
		}
	}
	files := make([]document.File, len(names))
	for i, name := range names {
		data, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the policy file: %v", bare(err))
		}
		files[i] = document.File{Name: name, Data: data}
	}
	return files, nil
}

// readFile reads a little more than the largest policy file, so that a larger one
// is refused without being held.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the files
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was attempted
	}
	defer f.Close() //nolint:errcheck // nothing was written
	const byteOrderMark = 3
	return io.ReadAll(io.LimitReader(f, document.MaxFileBytes+byteOrderMark+1)) //nolint:wrapcheck // as above
}

func namesIn(directory string) ([]string, error) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil, fmt.Errorf("read the directory: %v", bare(err))
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		extension := filepath.Ext(name)
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "_test.yaml") || extension != ".yaml" && extension != ".json" {
			continue
		}
		names = append(names, filepath.Join(directory, name))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("the directory holds no *.yaml or *.json file")
	}
	sort.Strings(names)
	return names, nil
}

// bare strips the path from an error that a finding already carries.
func bare(err error) error {
	if pathError, ok := err.(*os.PathError); ok { //nolint:errorlint // os returns it unwrapped
		return pathError.Err
	}
	return err
}

func hashOf(files []document.File) string {
	sum := sha256.New()
	for _, file := range files {
		fmt.Fprintf(sum, "%s %d\n", filepath.Base(file.Name), len(file.Data))
		sum.Write(file.Data)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
