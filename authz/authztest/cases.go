package authztest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// The environment variables that [Cases] reads.
const (
	// envCases is how many cases each such test makes, in place of its own count.
	envCases = "HOOKAUTHZ_CASES"
	// envSeed is the number of the first; 0 if it is not set.
	envSeed = "HOOKAUTHZ_SEED"
)

// Cases calls try with count numbers in a row and for each with what is random,
// which the number decides. It stops after the first that fails t and says how to
// make that one again. The same cases are made in each run, in some milliseconds or
// seconds; to look further, for as long as one likes:
//
//	HOOKAUTHZ_CASES=1000000 HOOKAUTHZ_SEED=20000 go test -run Mutations -timeout 1h ./authz/check/...
func Cases(t *testing.T, count int, try func(random *rand.Rand)) {
	t.Helper()
	count = number(t, envCases, count)
	first := number(t, envSeed, 0)
	seed := first
	defer func() { // of a panic too
		if seed < first+count {
			t.Errorf("the case is made again by %s=%d %s=1", envSeed, seed, envCases)
		}
	}()
	for ; seed < first+count; seed++ {
		try(rand.New(rand.NewPCG(uint64(seed), 0))) //nolint:gosec // it is to be the same in every run
		if t.Failed() {
			return
		}
	}
}

// number returns what the variable says, otherwise if it is not set.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s: want a number", variable)
	}
	return n
}

// Pick returns one of choices.
func Pick[T any](random *rand.Rand, choices ...T) T { return choices[random.IntN(len(choices))] }
