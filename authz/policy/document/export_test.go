package document

// What is easier to test by itself.
var (
	PatternWords = patternWords
	Ordinary     = ordinary
	Repeatable   = repeatable
)
