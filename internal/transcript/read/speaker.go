package read

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"memoai.tech/memo/internal/plaintext"
)

// nameEvidence is how likely a text of the form "Name: text" starts with the name of a
// speaker.
type nameEvidence uint8

const (
	evidenceNone   nameEvidence = iota // never: the format has a field for the speaker
	evidenceWeak                       // perhaps: nameSpeakers looks at the whole file
	evidenceStrong                     // if it looks like a name: the lines start with times
)

// nameSpeakers finds the speakers in texts such as "Jordan: Of course". A colon alone is
// not enough ("Remember: lock the door"), so nameSpeakers looks at the whole file. A
// prefix that looks like a name is a speaker if it occurs again and a tenth of the texts
// have such a prefix, or if half of them do. A prefix that does not look like a name
// ("jordan, phone") is a speaker if it occurs again and half of the texts have a prefix.
// SPEAKER_00 and the like are always speakers. Texts whose speaker is known are left alone.
func (d *draft) nameSpeakers() {
	if d.evidence == evidenceNone {
		return
	}
	count := map[string]int{}
	total, likely, possible := 0, 0, 0
	for _, c := range d.cues {
		if c.speaker != "" {
			continue
		}
		total++
		name, _, ok := splitName(c.text)
		if !ok {
			continue
		}
		count[name]++
		possible++
		if looksLikeName(name) {
			likely++
		}
	}
	half := func(n int) bool { return 2*n >= total }
	for i := range d.cues {
		c := &d.cues[i]
		name, rest, ok := splitName(c.text)
		if !ok || c.speaker != "" {
			continue
		}
		repeated := count[name] > 1
		if looksLikeName(name) {
			ok = d.evidence == evidenceStrong || isNumberedSpeaker(name) || half(likely) ||
				repeated && 10*likely >= total
		} else {
			ok = repeated && half(possible)
		}
		if ok {
			d.colons = d.colons || c.text[0] != '['
			c.speaker, c.text = name, rest
		}
	}
}

// splitName splits a text at its first colon if the part before could be a name: it is
// short, and not a sentence, a time or a URL. The name can be in brackets, as WhisperX
// writes it: "[SPEAKER_00]: Of course".
func splitName(text string) (name, rest string, ok bool) {
	const wide = "："                   // the Chinese and Japanese colon has no space after it
	head := text[:min(len(text), 220)] // longer than the longest name below
	i, n := strings.IndexByte(head, ':'), 1
	if j := strings.Index(head, wide); j >= 0 && (i < 0 || j < i) {
		i, n = j, len(wide)
	}
	if i <= 0 || n == 1 && !strings.HasPrefix(text[i+1:], " ") {
		return "", "", false // 10:30, https://
	}
	name, rest = text[:i], plaintext.Trim(text[i+n:])
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		name = name[1 : len(name)-1]
	}
	if rest == "" || name != plaintext.Trim(name) || utf8.RuneCountInString(name) > 50 ||
		strings.Count(name, " ") > 5 || strings.ContainsAny(name, `?!…;"“”„«»<>[]{}=*\。、！？`) ||
		!strings.ContainsFunc(name, unicode.IsLetter) || notNames[withoutNumber(name)] {
		return "", "", false
	}
	return name, rest, true
}

// looksLikeName reports whether every word starts with a capital letter or a letter of a
// script without capitals. Words after the first can also start with a digit, or be a
// particle such as "van". Brackets, "&" and dashes before a word do not matter.
func looksLikeName(name string) bool {
	parts := strings.Fields(name)
	if len(parts) > 5 {
		return false
	}
	if len(parts) == 1 && utf8.RuneCountInString(name) > 20 {
		return false // a sentence in a script without spaces
	}
	for i, p := range parts {
		if i > 0 && nameParticles[p] {
			continue
		}
		first, _ := utf8.DecodeRuneInString(strings.TrimLeft(p, "(&-–№#"))
		switch {
		case unicode.IsLetter(first) && unicode.ToTitle(first) == first:
		case i > 0 && (unicode.IsDigit(first) || first == utf8.RuneError): // "Speaker 1", "Ann & Bob"
		default:
			return false
		}
	}
	return true
}

// isNumberedSpeaker reports whether name is a label of diarisation, such as SPEAKER_00.
func isNumberedSpeaker(name string) bool {
	word := strings.TrimRight(name, "0123456789")
	if n := len(name) - len(word); n == 0 || n > 4 || len(name) > 60 {
		return false
	}
	return speakerWords[strings.ToLower(strings.TrimRight(word, " _-№#"))]
}

// speakerWords are the words before the number of a speaker, in lower case.
var speakerWords = stringSet(`speaker spk sprecher sprecherin locuteur intervenant orateur hablante orador interlocutor
	participante participant parlante falante spreker talare taler mówca mluvčí konuşmacı beszélő vorbitor
	спикер говорящий диктор участник спікер мовець
	说话人 說話者 发言人 發言人 讲话者 話者 スピーカー 화자 참석자 المتحدث`)

// withoutNumber turns "Step 3" into "step".
func withoutNumber(name string) string {
	return strings.ToLower(strings.TrimRight(name, " 0123456789"))
}

var nameParticles = stringSet(`de da di do du dos das del della van von der den ter la le el al bin ibn ben of the and
	und y e af av zu st`)

// notNames are frequent words before a colon that are not names, in lower case.
var notNames = stringSet(`note notes agenda question answer warning important remember example summary topic topics
	date time subject title participants attendees action actions decision decisions todo update tip ps p.s. fyi
	step chapter part point item section day week figure option result conclusion problem solution idea edit link
	source
	hinweis wichtig achtung beispiel frage antwort thema teilnehmer ergebnis fazit schritt
	важно примечание внимание вопрос ответ пример тема итог участники шаг
	nota importante remarque attention exemple question ejemplo
	注意 注 例 質問 回答 議題 ملاحظة سؤال جواب مثال تنبيه`)

func stringSet(names string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(names) {
		m[n] = true
	}
	return m
}
