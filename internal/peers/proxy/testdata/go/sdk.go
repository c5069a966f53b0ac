package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func sdk(transport *http.Transport, endpoint, bucket string, keys int) []operation {
	os.Unsetenv("AWS_CA_BUNDLE") // the transport has it
	conf, err := config.LoadDefaultConfig(context.Background(), config.WithHTTPClient(&http.Client{Transport: transport}),
		config.WithRetryMaxAttempts(1))
	if err != nil {
		panic(err)
	}
	c := s3.NewFromConfig(conf, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &endpoint, true })
	put := func(ctx context.Context, key string, body []byte, change func(*s3.PutObjectInput)) error {
		in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)}
		if change != nil {
			change(in)
		}
		_, err := c.PutObject(ctx, in)
		return err
	}
	get := func(ctx context.Context, key string, want []byte, change func(*s3.GetObjectInput)) error {
		in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
		if change != nil {
			change(in)
		}
		out, err := c.GetObject(ctx, in)
		if err != nil {
			return err
		}
		defer out.Body.Close()
		return same(out.Body, want)
	}
	return []operation{
		{"create bucket", func(ctx context.Context) error {
			where := &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(conf.Region)}
			_, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: where})
			return err
		}},
		{"put", func(ctx context.Context) error { return put(ctx, "small", small, nil) }},
		{"get", func(ctx context.Context) error { return get(ctx, "small", small, nil) }},
		{"range", func(ctx context.Context) error {
			return get(ctx, "small", small[2:5], func(in *s3.GetObjectInput) { in.Range = aws.String("bytes=2-4") })
		}},
		{"head", func(ctx context.Context) error {
			out, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("small")})
			if err != nil {
				return err
			}
			return expect(*out.ContentLength == int64(len(small)), "length", *out.ContentLength)
		}},
		{"metadata", func(ctx context.Context) error {
			if err := put(ctx, "meta", small, func(in *s3.PutObjectInput) {
				in.Metadata = map[string]string{"order": "1042  and more"}
			}); err != nil {
				return err
			}
			out, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("meta")})
			if err != nil {
				return err
			}
			return expect(out.Metadata["order"] == "1042  and more", "metadata", out.Metadata)
		}},
		{"copy", func(ctx context.Context) error {
			copied := &s3.CopyObjectInput{Bucket: &bucket, Key: aws.String("copy"), CopySource: aws.String(bucket + "/small")}
			if _, err := c.CopyObject(ctx, copied); err != nil {
				return err
			}
			return get(ctx, "copy", small, nil)
		}},
		{"tagging", func(ctx context.Context) error {
			tags := &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b c")}}}
			if _, err := c.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &bucket, Key: aws.String("small"), Tagging: tags}); err != nil {
				return err
			}
			out, err := c.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &bucket, Key: aws.String("small")})
			if err != nil {
				return err
			}
			return expect(len(out.TagSet) == 1 && *out.TagSet[0].Value == "b c", "tags", len(out.TagSet))
		}},
		{"content-md5", func(ctx context.Context) error {
			return put(ctx, "md5", small, func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String(md5Of(small)) })
		}},
		{"large", func(ctx context.Context) error {
			if err := put(ctx, "large", large, nil); err != nil {
				return err
			}
			return get(ctx, "large", large, nil)
		}},
		{"multipart of a stream", func(ctx context.Context) error {
			_, err := manager.NewUploader(c).Upload(ctx, &s3.PutObjectInput{
				Bucket: &bucket, Key: aws.String("multipart"), Body: io.MultiReader(bytes.NewReader(large)),
			})
			if err != nil {
				return err
			}
			return get(ctx, "multipart", large, nil)
		}},
		{"list", func(ctx context.Context) error {
			out, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String("m"), Delimiter: aws.String("/")})
			if err != nil {
				return err
			}
			return expect(len(out.Contents) == 3, "objects", len(out.Contents))
		}},
		{"odd keys", func(ctx context.Context) error {
			for _, key := range randomKeys(keys) {
				if err := put(ctx, key, []byte(key), nil); err != nil {
					return err
				}
				if err := get(ctx, key, []byte(key), nil); err != nil {
					return err
				}
			}
			return nil
		}},
		{"delete many", func(ctx context.Context) error {
			ids := []types.ObjectIdentifier{{Key: aws.String("small")}, {Key: aws.String("copy")}}
			out, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: ids}})
			if err != nil {
				return err
			}
			return expect(len(out.Deleted) == 2, "deleted", len(out.Deleted))
		}},
	}
}
