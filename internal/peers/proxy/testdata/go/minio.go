package main

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/tags"
)

// prefixed prepends a path to that of each request: minio-go accepts only an endpoint without one.
type prefixed struct {
	next   http.RoundTripper
	prefix string
}

func (p prefixed) RoundTrip(r *http.Request) (*http.Response, error) {
	out := r.Clone(r.Context())
	path := r.URL.EscapedPath()
	out.URL.Path, out.URL.RawPath = p.prefix+r.URL.Path, p.prefix+path
	return p.next.RoundTrip(out)
}

func minioGo(transport *http.Transport, endpoint, bucket string, keys int) []operation {
	at, err := url.Parse(endpoint)
	if err != nil {
		panic(err)
	}
	c, err := minio.New(at.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
		Secure: at.Scheme == "https", Region: os.Getenv("AWS_REGION"), BucketLookup: minio.BucketLookupPath, MaxRetries: 1,
		Transport: prefixed{transport, at.Path},
	})
	if err != nil {
		panic(err)
	}
	put := func(ctx context.Context, key string, body []byte, o minio.PutObjectOptions) error {
		_, err := c.PutObject(ctx, bucket, key, bytes.NewReader(body), int64(len(body)), o)
		return err
	}
	get := func(ctx context.Context, key string, want []byte, o minio.GetObjectOptions) error {
		object, err := c.GetObject(ctx, bucket, key, o)
		if err != nil {
			return err
		}
		defer object.Close()
		return same(object, want)
	}
	return []operation{
		{"create bucket", func(ctx context.Context) error {
			return c.MakeBucket(ctx, bucket, minio.MakeBucketOptions{Region: os.Getenv("AWS_REGION")})
		}},
		{"put", func(ctx context.Context) error { return put(ctx, "small", small, minio.PutObjectOptions{}) }},
		{"get", func(ctx context.Context) error { return get(ctx, "small", small, minio.GetObjectOptions{}) }},
		{"range", func(ctx context.Context) error {
			var o minio.GetObjectOptions
			if err := o.SetRange(2, 4); err != nil {
				return err
			}
			return get(ctx, "small", small[2:5], o)
		}},
		{"head", func(ctx context.Context) error {
			info, err := c.StatObject(ctx, bucket, "small", minio.StatObjectOptions{})
			if err != nil {
				return err
			}
			return expect(info.Size == int64(len(small)), "length", info.Size)
		}},
		{"metadata", func(ctx context.Context) error {
			if err := put(ctx, "meta", small, minio.PutObjectOptions{UserMetadata: map[string]string{"order": "1042  and more"}}); err != nil {
				return err
			}
			info, err := c.StatObject(ctx, bucket, "meta", minio.StatObjectOptions{})
			if err != nil {
				return err
			}
			return expect(info.UserMetadata["Order"] == "1042  and more", "metadata", info.UserMetadata)
		}},
		{"copy", func(ctx context.Context) error {
			from, to := minio.CopySrcOptions{Bucket: bucket, Object: "small"}, minio.CopyDestOptions{Bucket: bucket, Object: "copy"}
			if _, err := c.CopyObject(ctx, to, from); err != nil {
				return err
			}
			return get(ctx, "copy", small, minio.GetObjectOptions{})
		}},
		{"tagging", func(ctx context.Context) error {
			set, err := tags.NewTags(map[string]string{"a": "b c"}, true)
			if err != nil {
				return err
			}
			if err := c.PutObjectTagging(ctx, bucket, "small", set, minio.PutObjectTaggingOptions{}); err != nil {
				return err
			}
			got, err := c.GetObjectTagging(ctx, bucket, "small", minio.GetObjectTaggingOptions{})
			if err != nil {
				return err
			}
			return expect(got.ToMap()["a"] == "b c", "tags", got)
		}},
		{"content-md5", func(ctx context.Context) error {
			return put(ctx, "md5", small, minio.PutObjectOptions{SendContentMd5: true})
		}},
		{"large", func(ctx context.Context) error {
			if err := put(ctx, "large", large, minio.PutObjectOptions{DisableMultipart: true}); err != nil {
				return err
			}
			return get(ctx, "large", large, minio.GetObjectOptions{})
		}},
		{"multipart of a stream", func(ctx context.Context) error {
			if _, err := c.PutObject(ctx, bucket, "multipart", bytes.NewReader(large), -1, minio.PutObjectOptions{PartSize: 5 << 20}); err != nil {
				return err
			}
			return get(ctx, "multipart", large, minio.GetObjectOptions{})
		}},
		{"list", func(ctx context.Context) error {
			n := 0
			for object := range c.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: "m"}) {
				if object.Err != nil {
					return object.Err
				}
				n++
			}
			return expect(n == 3, "objects", n)
		}},
		{"odd keys", func(ctx context.Context) error {
			for _, key := range randomKeys(keys) {
				if err := put(ctx, key, []byte(key), minio.PutObjectOptions{}); err != nil {
					return err
				}
				if err := get(ctx, key, []byte(key), minio.GetObjectOptions{}); err != nil {
					return err
				}
			}
			return nil
		}},
		{"delete many", func(ctx context.Context) error {
			objects := make(chan minio.ObjectInfo, 2)
			objects <- minio.ObjectInfo{Key: "small"}
			objects <- minio.ObjectInfo{Key: "copy"}
			close(objects)
			for failed := range c.RemoveObjects(ctx, bucket, objects, minio.RemoveObjectsOptions{}) {
				return failed.Err
			}
			_, err := c.StatObject(ctx, bucket, "copy", minio.StatObjectOptions{})
			return expect(err != nil && strings.Contains(err.Error(), "not exist"), "after", err)
		}},
	}
}
