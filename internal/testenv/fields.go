package testenv

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// EveryFieldReaches fails for each exported field of In, except those named, that does not
// change what convert returns. hint says what to do about it.
func EveryFieldReaches[In, Out any](t *testing.T, convert func(In) Out, hint string, except ...string) {
	t.Helper()
	var zero In
	for _, field := range exportedFields(reflect.TypeFor[In](), except) {
		var in In
		fill(reflect.ValueOf(&in).Elem().FieldByIndex(field.Index))
		if reflect.DeepEqual(convert(in), convert(zero)) {
			t.Errorf("%T.%s has no effect: %s", in, field.Name, hint)
		}
	}
}

// NoFieldIsZero fails for each exported field of v, except those named, that is zero.
func NoFieldIsZero(t *testing.T, v any, hint string, except ...string) {
	t.Helper()
	for _, field := range exportedFields(reflect.TypeOf(v), except) {
		if reflect.ValueOf(v).FieldByIndex(field.Index).IsZero() {
			t.Errorf("%T.%s is not set: %s", v, field.Name, hint)
		}
	}
}

func exportedFields(structType reflect.Type, except []string) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(structType), func(field reflect.StructField) bool {
		return field.Anonymous || !field.IsExported() || slices.Contains(except, field.Name)
	})
}

// Filled returns a T whose exported fields are all set.
func Filled[T any]() (v T) {
	fill(reflect.ValueOf(&v).Elem())
	return v
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	default:
		panic("testenv: cannot fill a " + v.Type().String())
	}
}
