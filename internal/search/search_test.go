package search_test

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"memoai.tech/memo/internal/search"
)

func TestTermsAreFoldedWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"Hello, WORLD! x2":        "hello world x2",
		"Über die Straße":         "uber die straße",
		"ещё Договор":             "еще договор",
		"会議です。":                   "会議 議で です す",
		"Q3の予算":                   "q3 の予 予算 算",
		`" OR 1=1; DROP TABLE --`: "or 1 1 drop table",
		"naïve ﬁne Ａ１":            "naive fine a1",
		"مرحبا بالعالم":           "مرحبا بالعالم",
		"हिन्दी भाषा":             "हिन्दी भाषा",
		strings.Repeat("a", 200):  strings.Repeat("a", search.MaxTerm),
	} {
		t.Run(text, func(t *testing.T) {
			if got := strings.Join(search.Terms(text), " "); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestQueryHasEachTermOnce(t *testing.T) {
	for q, want := range map[string][]search.Term{
		"%_ \"' * ()":   nil,
		"price PRICE x": {{"pric", true, "price"}, {"x", false, "x"}},
		"会":             {{"会", true, "会"}},
		"会議室":           {{"会議", false, "会議"}, {"議室", false, "議室"}},
	} {
		t.Run(q, func(t *testing.T) {
			if diff := cmp.Diff(want, search.ParseQuery(q)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if n := len(search.ParseQuery(strings.Repeat("ab cd ef gh ", 1000))); n != 4 {
		t.Errorf("four words, repeated: got %d terms, want 4", n)
	}
}

// TestQuestionsLoseTheirStopWords: what remains says what is asked for. Without anything else, they remain.
func TestQuestionsLoseTheirStopWords(t *testing.T) {
	for q, want := range map[string]string{
		"What did we promise Acme, with dates?": "promis acme date",
		"Was hat Lena Herrn Wiesner gesagt?":    "lena herrn wiesn gesagt",
		"Сколько датчиков у клиента?":           "датчик клиент",
		"¿Cuántos sensores necesita Maruvela?":  "sensor necesit maruvel",
		"Harukaの宿題は何ですか?":                       "haruk 宿題",
		"the who":                               "the who",
		"ですか":                                   "です すか",
		"x9s 4.2.1":                             "x9s 4 2 1",
	} {
		var got []string
		for _, term := range search.ParseQuery(q) {
			got = append(got, term.Text)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: got %q, want %q", q, s, want)
		}
	}
}

// TestWordsAreFoundInOtherForms: a form of a word finds the others, and a short word only itself and longer ones.
func TestWordsAreFoundInOtherForms(t *testing.T) {
	for q, text := range map[string]string{
		"promised": "I promise", "dates": "a date", "companies": "one company", "Verlängerung": "sie verlängert",
		"датчиков": "датчик", "прошивку": "на прошивке", "cámaras": "la cámara", "sensors": "Sensoren",
	} {
		if search.CountTerms(search.ParseQuery(q), text) != 1 {
			t.Errorf("%q does not find %q", q, text)
		}
	}
	for q, text := range map[string]string{"data": "the date", "paper": "a pap", "bus": "bu", "art": "start"} {
		if search.CountTerms(search.ParseQuery(q), text) != 0 {
			t.Errorf("%q finds %q", q, text)
		}
	}
}

func TestBestLinesComeFirst(t *testing.T) {
	lines := []string{"start of it", "art and price", "the price", "Prices rose", "price of art"}
	query := search.ParseQuery("price art")
	got, err := search.BestLines(t.Context(), query, len(lines), func(i int) string { return lines[i] })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 4, 2}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBestLinesStopsAtItsLimits(t *testing.T) {
	query, calls := search.ParseQuery("price"), 0
	ctx, cancel := context.WithCancel(t.Context())
	_, err := search.BestLines(ctx, query, 1000, func(int) string { calls++; cancel(); return "nothing" })
	if err != context.Canceled || calls != 1 {
		t.Errorf("with a cancelled context: %d lines were read, error %v; want 1 and context.Canceled", calls, err)
	}
	line, calls := strings.Repeat("x ", 32<<10), 0
	found, err := search.BestLines(t.Context(), query, 1000, func(int) string { calls++; return line })
	if limit := search.MaxText/len(line) + 1; err != nil || len(found) > 0 || calls > limit {
		t.Errorf("in a long text: %d lines were read, want at most %d (%v)", calls, limit, err)
	}
}

func TestSnippetContainsTheTerm(t *testing.T) {
	line := strings.Repeat("vorher ", 100) + "Ziel " + strings.Repeat("nachher ", 100)
	got := search.Snippet(search.ParseQuery("ziel"), line)
	if !strings.Contains(got, "Ziel") || utf8.RuneCountInString(got) > search.MaxSnippetLength+2 {
		t.Errorf("got %q, want a short snippet with Ziel", got)
	}
	folded := strings.Repeat("слово ", 200) + "ещё"
	if got := search.Snippet(search.ParseQuery("еще"), folded); !strings.Contains(got, "ещё") {
		t.Errorf("the snippet lacks the folded term: %q", got)
	}
	if search.Snippet(search.ParseQuery("x"), "short") != "short" {
		t.Error("a short line is shortened")
	}
}

// FuzzSearch: every text is found by its own words, and no input causes a panic.
func FuzzSearch(f *testing.F) {
	f.Add("The price, 会議です", "price")
	f.Fuzz(func(t *testing.T, text, q string) {
		terms := search.ParseQuery(text)
		if len(terms) > 0 && len(terms) < search.MaxQueryTerms && utf8.RuneCountInString(text) < search.MaxTerm {
			found, err := search.BestLines(t.Context(), terms, 1, func(int) string { return text })
			if err != nil || len(found) == 0 {
				t.Fatalf("%q is not found by its own words %v: %v", text, terms, err)
			}
		}
		search.Snippet(search.ParseQuery(q), text)
	})
}
