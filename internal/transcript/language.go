package transcript

import (
	"strings"

	"golang.org/x/text/language"

	"memoai.tech/memo"
)

// Language returns the language code (en, ru, …) for a code or name in a file: "en",
// "en-US", "deu", or "english" as in OpenAI's API. It returns "" if it does not recognise the
// language, because the language filter would never match a wrong code.
func Language(s string) memo.Optional {
	s = strings.ToLower(strings.TrimSpace(s))
	code, _, _ := strings.Cut(strings.ReplaceAll(s, "_", "-"), "-")
	switch {
	case len(code) == 2 && isLetters(code):
		return memo.Optional(code)
	case len(code) == 3 && isLetters(code):
		return shortCode(code)
	}
	if i := strings.IndexAny(s, "(,"); i > 0 { // "English (US)"
		s = strings.TrimSpace(s[:i])
	}
	for name := range strings.FieldsSeq(languageNames) {
		if code, ok := strings.CutPrefix(name, s+"="); ok && s != "" {
			return memo.Optional(code)
		}
	}
	return ""
}

// shortCode returns the two letters of a code of three, "de" for "deu" or "ger", or the three if
// the language has no shorter code. It returns "" for a code that names no single language.
func shortCode(code string) memo.Optional {
	tag, err := language.Parse(code)
	base, _ := tag.Base()
	if err != nil || tag == language.Und || code == "mul" || code == "zxx" || code == "mis" {
		return ""
	}
	return memo.Optional(base.String())
}

func isLetters(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < 'a' || r > 'z' }) < 0
}

// IsLanguage reports whether code is the code of a language in the form that [Language] returns.
func IsLanguage(code string) bool {
	base, err := language.ParseBase(code)
	return err == nil && base.String() == code
}

// LanguageName returns the English name of a language code, or "" if it is not known.
func LanguageName(code string) string {
	for name := range strings.FieldsSeq(languageNames) {
		if name, known := strings.CutSuffix(name, "="+code); known && code != "" {
			return strings.ToUpper(name[:1]) + name[1:]
		}
	}
	return ""
}

// languageNames has the names that Whisper writes, with their codes.
const languageNames = `
	afrikaans=af albanian=sq amharic=am arabic=ar armenian=hy assamese=as azerbaijani=az bashkir=ba basque=eu
	belarusian=be bengali=bn bosnian=bs breton=br bulgarian=bg cantonese=yue catalan=ca chinese=zh croatian=hr
	czech=cs danish=da dutch=nl english=en estonian=et faroese=fo finnish=fi french=fr galician=gl georgian=ka
	german=de greek=el gujarati=gu hausa=ha hawaiian=haw hebrew=he hindi=hi hungarian=hu icelandic=is
	indonesian=id italian=it japanese=ja javanese=jw kannada=kn kazakh=kk khmer=km korean=ko lao=lo latin=la
	latvian=lv lingala=ln lithuanian=lt luxembourgish=lb macedonian=mk malagasy=mg malay=ms malayalam=ml
	maltese=mt maori=mi marathi=mr mongolian=mn myanmar=my nepali=ne norwegian=no nynorsk=nn occitan=oc
	pashto=ps persian=fa polish=pl portuguese=pt punjabi=pa romanian=ro russian=ru sanskrit=sa serbian=sr
	shona=sn sindhi=sd sinhala=si slovak=sk slovenian=sl somali=so spanish=es sundanese=su swahili=sw
	swedish=sv tagalog=tl tajik=tg tamil=ta tatar=tt telugu=te thai=th tibetan=bo turkish=tr turkmen=tk
	ukrainian=uk urdu=ur uzbek=uz vietnamese=vi welsh=cy yiddish=yi yoruba=yo`
