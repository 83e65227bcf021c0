package store

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"

	"zombiezen.com/go/sqlite"
)

// sqliteStmt is a prepared statement of SQLite. Its arguments and columns are converted as
// database/sql does it, except that a number is read from an integer only.
type sqliteStmt struct {
	*sqlite.Stmt
	columns int
	args    []int // for each parameter the index of its argument, because $2 may come before $1
}

// bind sets the arguments of the statement.
func (s *sqliteStmt) bind(args []any) error {
	for i, n := range s.args {
		if n < 0 || n >= len(args) {
			return fmt.Errorf("store: there is no argument for $%d", n+1)
		}
		if err := s.bindParameter(i+1, args[n]); err != nil {
			return fmt.Errorf("store: argument $%d: %w", n+1, err)
		}
	}
	return nil
}

func (s *sqliteStmt) bindParameter(param int, v any) error {
	switch v := v.(type) {
	case nil:
		s.BindNull(param)
	case string:
		s.BindText(param, v)
	case int64:
		s.BindInt64(param, v)
	case int:
		s.BindInt64(param, int64(v))
	case bool:
		s.BindBool(param, v)
	case float64:
		s.BindFloat(param, v)
	case []byte:
		if v == nil { // BindBytes would bind an empty blob
			s.BindNull(param)
			return nil
		}
		s.BindBytes(param, v)
	default:
		converted, err := driver.DefaultParameterConverter.ConvertValue(v)
		if err != nil {
			return err
		}
		if reflect.TypeOf(converted) == reflect.TypeOf(v) {
			return fmt.Errorf("the type %T is not supported", v)
		}
		return s.bindParameter(param, converted)
	}
	return nil
}

// scan copies the columns of the current row.
func (s *sqliteStmt) scan(dest []any) error {
	if len(dest) != s.columns {
		return fmt.Errorf("store: %d targets for %d columns", len(dest), s.columns)
	}
	for i, d := range dest {
		if err := s.scanColumn(i, d); err != nil {
			return fmt.Errorf("store: column %d: %w", i, err)
		}
	}
	return nil
}

func (s *sqliteStmt) scanColumn(i int, dest any) error {
	kind := s.ColumnType(i)
	switch d := dest.(type) {
	case *any:
		*d = s.value(i, kind)
		return nil
	case *[]byte:
		*d = s.bytes(i, kind)
		return nil
	case *sql.NullInt64:
		if d.Valid = kind != sqlite.TypeNull; !d.Valid {
			d.Int64 = 0
			return nil
		}
		return s.scanColumn(i, &d.Int64)
	case *sql.NullString:
		if d.Valid = kind != sqlite.TypeNull; !d.Valid {
			d.String = ""
			return nil
		}
		return s.scanColumn(i, &d.String)
	case into[int64]:
		switch kind {
		case sqlite.TypeNull:
			return nil
		case sqlite.TypeInteger:
			d.set(s.ColumnInt64(i))
			return nil
		}
		return d.Scan(s.value(i, kind))
	case into[string]:
		switch kind {
		case sqlite.TypeNull:
			return nil
		case sqlite.TypeText:
			d.set(s.ColumnText(i))
			return nil
		}
		return d.Scan(s.value(i, kind))
	case sql.Scanner:
		return d.Scan(s.value(i, kind))
	case *string:
		if kind != sqlite.TypeNull {
			*d = s.ColumnText(i)
			return nil
		}
	case *int64:
		if kind == sqlite.TypeInteger {
			*d = s.ColumnInt64(i)
			return nil
		}
	case *int:
		if kind == sqlite.TypeInteger {
			*d = s.ColumnInt(i)
			return nil
		}
	case *bool:
		if kind == sqlite.TypeInteger {
			*d = s.ColumnBool(i)
			return nil
		}
	default:
		if s.scanNamed(i, kind, reflect.ValueOf(dest)) {
			return nil
		}
	}
	return fmt.Errorf("%v does not fit into %T", kind, dest)
}

// scanNamed copies a column to a pointer to a type that has a number or a text as its underlying
// type. It returns false if the value does not fit.
func (s *sqliteStmt) scanNamed(i int, kind sqlite.ColumnType, dest reflect.Value) bool {
	if dest.Kind() != reflect.Pointer || kind == sqlite.TypeNull {
		return false
	}
	switch d := dest.Elem(); {
	case d.Kind() == reflect.String:
		if kind != sqlite.TypeText {
			return false
		}
		d.SetString(s.ColumnText(i))
	case d.CanFloat() && kind != sqlite.TypeText && kind != sqlite.TypeBlob:
		d.SetFloat(s.ColumnFloat(i))
	case kind != sqlite.TypeInteger:
		return false
	case d.CanInt() && !d.OverflowInt(s.ColumnInt64(i)):
		d.SetInt(s.ColumnInt64(i))
	case d.CanUint() && s.ColumnInt64(i) >= 0 && !d.OverflowUint(uint64(s.ColumnInt64(i))):
		d.SetUint(uint64(s.ColumnInt64(i)))
	default:
		return false
	}
	return true
}

// value returns a column as an int64, a float64, a string, a []byte or nil.
func (s *sqliteStmt) value(i int, kind sqlite.ColumnType) any {
	switch kind {
	case sqlite.TypeInteger:
		return s.ColumnInt64(i)
	case sqlite.TypeFloat:
		return s.ColumnFloat(i)
	case sqlite.TypeText:
		return s.ColumnText(i)
	case sqlite.TypeBlob:
		return s.bytes(i, kind)
	}
	return nil
}

// bytes returns a copy of a text or a blob, or nil for NULL.
func (s *sqliteStmt) bytes(i int, kind sqlite.ColumnType) []byte {
	if kind == sqlite.TypeNull {
		return nil
	}
	b := make([]byte, s.ColumnLen(i))
	s.ColumnBytes(i, b)
	return b
}
