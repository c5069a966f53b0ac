package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// overlay lays the environment and then the flags over what the file says.
func (c *Config) overlay(s Sources) []error {
	var faults []error
	eachField(reflect.ValueOf(&c.Settings).Elem(), func(key string, field reflect.Value) {
		variable := "COUNTERSIGN_" + strings.ToUpper(key)
		if text := s.Getenv(variable); text != "" {
			if err := setField(field, text); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", variable, err))
			}
		}
		flag := strings.ReplaceAll(key, "_", "-")
		if text, ok := s.Flags[flag]; ok {
			if err := setField(field, text); err != nil {
				faults = append(faults, fmt.Errorf("--%s: %w", flag, err))
			}
		}
	})
	return faults
}

func eachField(v reflect.Value, do func(key string, field reflect.Value)) {
	for i := range v.NumField() {
		if v.Type().Field(i).Anonymous {
			eachField(v.Field(i), do)
			continue
		}
		do(v.Type().Field(i).Tag.Get("yaml"), v.Field(i))
	}
}

func setField(field reflect.Value, text string) error {
	if strings.HasPrefix(text, "@Microsoft.KeyVault(") {
		return errors.New("the Key Vault reference was not resolved; check the identity's access to the vault")
	}
	switch field.Interface().(type) {
	case string:
		field.SetString(text)
	case bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("want true or false")
		}
		field.SetBool(b)
	case time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return errors.New("want a duration such as 45m or 1h")
		}
		field.SetInt(int64(d))
	case float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return errors.New("want a number")
		}
		field.SetFloat(n)
	case int, int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || field.OverflowInt(n) {
			return errors.New("want a whole number")
		}
		field.SetInt(n)
	case []string:
		var list []string
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		field.Set(reflect.ValueOf(list))
	}
	return nil
}
