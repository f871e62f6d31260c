package serve

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

var (
	digits    = regexp.MustCompile(`^[0-9]{1,7}$`)
	plainText = regexp.MustCompile(`^[A-Za-z0-9._~+/=-]{0,128}$`)
)

// Int returns the whole number that the environment variable name holds, or fallback where it is
// not set. Anything but least..most ends the process with status 2.
func Int(name string, fallback, least, most int) int {
	text, set := os.LookupEnv(name)
	if !set {
		return fallback
	}
	number, err := strconv.Atoi(text)
	if err != nil || !digits.MatchString(text) || number < least || number > most {
		refuse(name, text, fmt.Sprintf("a whole number from %d to %d", least, most))
	}
	return number
}

// nonce is held to letters that every language writes alike in JSON.
func nonce() string {
	text := os.Getenv("UNILAB_NONCE")
	if !plainText.MatchString(text) {
		refuse("UNILAB_NONCE", text, "at most 128 of A-Z a-z 0-9 . _ ~ + / = -")
	}
	return text
}

// artifact returns the line that the image's builder left beside the service, or "".
func artifact() string {
	path, set := os.LookupEnv("UNILAB_ARTIFACT_FILE")
	if !set {
		path = "/etc/unilab/artifact"
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

func refuse(name, text, wanted string) {
	fmt.Fprintf(os.Stderr, "environment: key %s: '%s' is not valid. Remedy: give %s.\n", name, text, wanted)
	os.Exit(2)
}
