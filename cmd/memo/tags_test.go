package main

import (
	"reflect"
	"testing"

	"memoai.tech/memo/internal/ratelimit"
	"memoai.tech/memo/internal/transcript"
)

func TestEveryLimitClassHasALimit(t *testing.T) {
	limits := (&serveCmd{LimitData: 1, LimitManagement: 1}).limits()
	for _, class := range ratelimit.Classes {
		if limits[class] == 0 {
			t.Errorf("the class %q has no limit, so every call of it is refused: add it to serveCmd.limits", class)
		}
	}
}

func TestExportTakesEveryFormat(t *testing.T) {
	field, _ := reflect.TypeFor[exportCmd]().FieldByName("Format")
	want := transcript.FormatNames(",")
	if got := field.Tag.Get("enum"); got != want {
		t.Errorf("memo export takes %s: change the enum tag of exportCmd.Format to %s", got, want)
	}
}
